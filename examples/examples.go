// Package examples holds the configurations that are tried without writing any.
package examples

import "embed"

// TwoNodes are the files of two nodes that share one address.
//
//go:embed two-nodes/*.conf
var TwoNodes embed.FS
