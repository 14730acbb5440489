package config

// sslDraft is a block SSL while it is read.
type sslDraft struct {
	SSL
	b *builder
}

func sslTable() *block[sslDraft] {
	row := func(word, args, meaning string, place func(*SSL) *string) keyword[sslDraft] {
		return keyword[sslDraft]{word: word, form: loose(text(args)), note: "none", meaning: meaning,
			set: func(d *sslDraft, v value) {
				to := place(&d.SSL)
				if *to != "" {
					d.b.complain(v.at, word+" is given twice; the second one counts", "delete one")
				}
				*to = v.text
			}}
	}
	return table("SSL",
		row("password", "STRING", "The password of the private key.", func(s *SSL) *string { return &s.Password }),
		row("ca", "FILE", "Certificates of authorities, in PEM; keepalived loads them and compares nothing with them.", func(s *SSL) *string { return &s.CA }),
		row("certificate", "FILE", "The certificate that SSL_GET shows to servers, in PEM.", func(s *SSL) *string { return &s.Certificate }),
		row("key", "FILE", "The private key of the certificate, in PEM.", func(s *SSL) *string { return &s.Key }),
	)
}

func (b *builder) readSSL(v value) {
	if b.lvs.ssl != nil {
		b.complain(v.at, "there is a block "+b.lvs.ssl.Title()+" already; this one replaces it", "put everything into one block")
	}
	b.lvs.ssl = v.node
	d := sslDraft{b: b}
	b.enter(v.node)
	b.voc.ssl.read(b, v.node.Body, &d)
	b.leave()
	b.cfg.SSL = &d.SSL
}
