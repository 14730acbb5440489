package agreement

// difference is a file of which the two programs think differently, with reason.
type difference struct {
	ours, theirs int
	reason       string
}

// differences are all that are known, by file. keepalived is Debian's, 2.2.7;
// holdfast follows 2.4.3. A status above 128 is a signal.
func differences() map[string]difference {
	return map[string]difference{
		"internal/conf/testdata/definitions.conf": {5, 137,
			"a definition that refers to itself: keepalived never returns (2.4.3 neither), holdfast says where it is"},
		"internal/config/testdata/findings/hmac.conf": {2, 5,
			"auth_hmac is of 2.4.2: 2.2.7 knows none of its words, and so misses no argument"},
		"samples/keepalived.conf.vrrp": {5, 0,
			"an address that stands twice in a list: 2.4.3 drops the second one and says so, 2.2.7 takes both"},
		"small/no-address-and-meant": {0, 5,
			"no_virtual_ipaddress is not a word of 2.2.7"},
		"small/peer-twice": {5, 0,
			"a peer that stands twice: 2.4.3 drops the second one and says so, 2.2.7 takes both"},
		"small/address-twice": {5, 0,
			"an address that stands twice in a list: 2.4.3 drops the second one and says so, 2.2.7 takes both"},
		"small/page-without-a-path": {5, 139,
			"a check without a page: 2.2.7 crashes"},
		"small/page-of-nothing": {5, 139,
			"a check without a page: 2.2.7 crashes"},
		"small/empty-name": {5, 0,
			"an instance with an empty name in quotes: keepalived runs it, holdfast leaves it out as it does one without a name"},
		"small/expression-that-is-none": {5, 0,
			"a pattern that is no expression: 2.2.7 says nothing in the test, 2.4.3 does"},
		"test/broken/address-twice.conf":  {5, 0, "2.4.3 drops the second one and says so, 2.2.7 takes both"},
		"test/broken/template-jinja.conf": {5, 2, "keepalived takes the braces for a block and misses the name of the interface; holdfast sees a template"},
		"internal/format/testdata/quote.conf": {5, 139,
			"a command with a quote that is not closed: 2.2.7 crashes"},
		"test/broken/definition-of-itself.conf":  {5, 137, "as above"},
		"test/broken/brace-round.conf":           {5, 139, "an instance without braces behind a script: 2.2.7 crashes"},
		"test/broken/lvs-page-without-url.conf":  {5, 139, "a check of pages without url: 2.2.7 crashes"},
		"test/broken/bytes-nul.conf":             {5, 0, "2.4.3 reports lines with a NUL byte (config-language, section 1)"},
		"test/broken/interface-backslash.conf":   {0, 5, "there is no interface of that name; holdfast looks for it when it runs"},
		"test/broken/lvs-regex.conf":             {5, 0, "2.4.3 reports patterns that are none"},
		"test/broken/namespace-twice.conf":       {5, 0, "2.2.7 reports it and counts it not; 2.4.3 does (config-language, section 11)"},
		"test/broken/peer-twice.conf":            {5, 0, "2.2.7 does not look; 2.4.3 does (config-language, section 11)"},
		"test/broken/script-escaped-quotes.conf": {0, 5, "2.2.7 takes the backslashes away before it looks for the end of the quote"},
		"test/broken/strict-with-unicast.conf":   {5, 0, "2.4.3 refuses peers in strict mode where the interface can do multicast"},
		"test/samples/check-ssl.conf":            {0, 5, "2.2.7 does not know sni_name and tls_compliant"},
		"test/samples/routes-and-rules.conf":     {0, 5, "2.2.7 does not know iproute_etc_dir"},
		"test/samples/service.conf":              {0, 5, "2.2.7 does not know the words of dumps, json_version, vrrp_delay_after_boot and use_symlink_paths"},
		"test/samples/snmp-and-dbus.conf":        {0, 5, "2.2.7 does not know the intervals of statistics and dbus_no_interface_name"},
		"test/samples/strict.conf":               {0, 5, "2.2.7 does not know owner_ignore_adverts"},
		"test/samples/track-bfd.conf":            {0, 5, "2.2.7 does not know multihop"},
		"test/samples/unicast-old-checksum.conf": {0, 5, "2.2.7 does not know v3_checksum_as_v2"},
		"test/samples/vrf.conf":                  {0, 5, "there is no VRF of that name; holdfast looks for it when it runs"},
		"examples/web-pair/lb01.conf":            {0, 5, "vrrp_check is a word of our own"},
		"examples/web-pair/lb02.conf":            {0, 5, "as above"},
		"test/samples/track-check.conf":          {0, 5, "as above"},
		"test/samples/asked.conf":                {0, 5, "the words for the API are our own"},
		"test/samples/webhook.conf":              {0, 5, "webhooks are our own"},
		"test/samples/log.conf":                  {0, 5, "the words for the log are our own"},
		"test/samples/mail-encrypted.conf":       {0, 5, "smtp_tls and smtp_auth are words of our own"},
	}
}
