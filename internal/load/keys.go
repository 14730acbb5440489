package load

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// readKeys reads the key files of auth_hmac. A key that cannot be read is left out;
// if it is the one that signs, the configuration cannot be run: without it there
// would be two masters.
func (r *Reading) readKeys() {
	for i := range r.Config.Instances {
		inst := &r.Config.Instances[i]
		if inst.HMAC == nil {
			continue
		}
		for j := range inst.HMAC.Keys {
			if k := &inst.HMAC.Keys[j]; k.File != "" {
				r.readKey(inst, k)
			}
		}
	}
	r.Findings = conf.Sort(r.Findings)
}

func (r *Reading) readKey(inst *config.Instance, k *config.HMACKey) {
	d := conf.Diag{Severity: conf.Complaint, Class: conf.Faulty, Span: r.keySpan(inst.VRRP.Name, k.ID)}
	secret, exposed, err := keyFile(k.File)
	switch {
	case err != nil && k.ID == inst.HMAC.Active:
		d.Severity, d.Text = conf.Error, fmt.Sprintf("key %d, which signs: %v", k.ID, err)
	case err != nil:
		d.Text = fmt.Sprintf("key %d is left out: %v", k.ID, err)
	case exposed:
		d.Class, d.Text, d.Fix = conf.Insecure, fmt.Sprintf("others may read the file of key %d", k.ID), "chmod 600 "+k.File
	}
	if d.Text != "" {
		r.Findings = append(r.Findings, d)
	}
	k.Secret = secret
}

// keySpan is where a key stands.
func (r *Reading) keySpan(instance string, id uint8) conf.Span {
	block := &conf.Node{Section: &conf.Section{Body: r.Tree.Nodes}}
	for _, word := range [...][2]string{{"vrrp_instance", instance}, {"auth_hmac"}, {"key", strconv.Itoa(int(id))}} {
		i := slices.IndexFunc(block.Body, func(n *conf.Node) bool {
			return n.Keyword.Text == word[0] && (word[1] == "" || len(n.Args) > 0 && n.Args[0].Text == word[1])
		})
		if i < 0 {
			return conf.Span{}
		}
		block = block.Body[i]
	}
	return block.Span()
}

// keyFile reads a key: its bytes, or hex: and its digits, with or without a newline
// behind. A path that is not absolute is that of a credential of systemd.
func keyFile(path string) (secret config.Secret, exposed bool, err error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(os.Getenv("CREDENTIALS_DIRECTORY"), path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", false, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return "", false, err
	}
	if !info.Mode().IsRegular() {
		return "", false, fmt.Errorf("%s is not a file", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return "", false, err
	}
	secret, err = config.KeyOf(strings.TrimRight(string(text), "\r\n"))
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return secret, info.Mode().Perm()&0o077 != 0, err
}
