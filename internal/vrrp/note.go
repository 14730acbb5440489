package vrrp

// Note is something for people to read that is no transition. The machine only
// names it; formatting is done elsewhere.
type Note struct{}
