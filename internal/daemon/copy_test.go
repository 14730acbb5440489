package daemon

import "testing"

// What may make a copy is found without reading the configuration, however it is
// written; most configurations are read once.
func TestAConfigurationThatMayMakeACopyIsReadBefore(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want bool
	}{
		"a word":               {"instance one\n", true},
		"a word after another": {"use_fifo\n  use_pid_dir\n", true},
		"net_namespace":        {"net_namespace red\n", true},
		"tmp_config_directory": {"global_defs {\n\ttmp_config_directory /tmp/x\n}\n", true},
		"an include":           {"include other.conf\n", true},
		"by host":              {"@node1 instance one\n", true},
		"a definition":         {"$WHO=instance one\n$WHO\n", true},
		"in parts":             {"$A = inst\n$B=ance\n$A$B one\n", true},
		"repeated":             {"~SEQ(i, 1, 2)include conf.$i\n", true},
		"definitions only":     {"$IF=eth0\n$PRIO = 100\nvrrp_instance V {\n\tinterface $IF\n}\n", false},
		"none":                 {"vrrp_instance instances {\n}\n", false},
		"empty":                {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := mentions(write(t, "k.conf", c.text)); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
