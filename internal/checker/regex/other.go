//go:build !(linux && (amd64 || arm64 || arm || 386 || riscv64))

package regex

import "errors"

// foreign is a pattern of PCRE2, which there is none of here.
type foreign struct{}

func compile(string, uint32) (*foreign, error) {
	return nil, errors.New("it needs PCRE2, which this build does not have: use text, alternatives and .* only, without options")
}

func (*foreign) match([]byte, uint32, uint32) (bool, error) { return false, nil }
