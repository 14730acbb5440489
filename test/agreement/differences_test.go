package agreement

// difference is a file of which the two programs think differently, with reason.
type difference struct {
	ours, theirs int
	reason       string
}

// differences are all that are known, by file. keepalived is Debian's, 2.2.7;
// holdfast follows 2.4.3.
func differences() map[string]difference {
	return map[string]difference{}
}
