// Package conf reads the language of keepalived.conf: lines, words, quotes,
// comments, conditions, definitions, repetitions and includes, into a tree of
// statements with their places. It knows no keyword but the include ones, opens
// no file itself and decides nothing about meaning; package config does.
package conf
