package main

import "regexp"

// entered matches what both programs log when a router changes its role.
func entered() *regexp.Regexp { return regexp.MustCompile(`Entering (MASTER|BACKUP|FAULT) STATE`) }

// seized matches what both log when a router becomes MASTER.
func seized() *regexp.Regexp { return regexp.MustCompile(`Entering MASTER STATE`) }

// reloaded matches what both log at the end of a reload.
func reloaded() *regexp.Regexp { return regexp.MustCompile(`Reload complete`) }
