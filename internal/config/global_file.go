package config

// Reload says what surrounds a reload.
type Reload struct {
	// Check tests a new configuration first; CheckLog is where what it finds goes,
	// empty: nowhere.
	Check    bool
	CheckLog string
	// TimeFile holds the time of a reload; Repeat keeps it when it holds a time of
	// day only.
	TimeFile string
	Repeat   bool
	// Marker: a file is there while configuration is read; MarkerFile empty means
	// keepalived.reload in the run directory.
	Marker     bool
	MarkerFile string
}

// Paths are where files are read and written.
type Paths struct {
	// ConfigSave is where every configuration that is read is kept; empty: nowhere.
	ConfigSave string
	// ConfigCopy is where the one in force is; empty: in memory.
	ConfigCopy string
	// IPRouteEtc and IPRouteUsr hold the name tables of iproute2; empty: the usual.
	IPRouteEtc, IPRouteUsr string
	// StateDump is where the state goes when a signal asks for it: a relative path is
	// below /tmp, and one that ends in / is a directory.
	StateDump string
	// StatsDump and JSONDump are shown only, as in keepalived.
	StatsDump, JSONDump string
	// DumpsNamed puts the names of namespace and instance into that of the state.
	DumpsNamed bool
	// JSONVersion is the layout: 1 a list of instances, 2 an object.
	JSONVersion uint8
}

// pathRows are about files.
func pathRows() []keyword[globals] {
	type row = keyword[globals]
	return []row{
		{word: "reload_check_config", form: optional(text("FILE"), value{}), note: "off",
			meaning: "A reload tests the new configuration first and keeps the old one when there is a fault; what it finds goes to FILE.",
			set:     func(g *globals, v value) { g.Reload.Check, g.Reload.CheckLog = true, v.text }},
		{word: "reload_time_file", form: loose(alone(text("FILE"))), note: "none",
			meaning: "A file that holds the time of a reload: HH:MM:SS, with a date before it, with Z behind it for UTC.",
			set:     func(g *globals, v value) { g.Reload.TimeFile = v.text }},
		{word: "reload_repeat", form: flag(), note: "off",
			meaning: "The file stays when it holds a time of day only, so that every day has its reload.",
			set:     func(g *globals, v value) { g.Reload.Repeat = true }},
		{word: "reload_file", form: optional(text("FILE"), value{}), note: "off; keepalived.reload in the run directory without a name",
			meaning: "A file that is there only while configuration is read.",
			set:     func(g *globals, v value) { g.Reload.Marker, g.Reload.MarkerFile = true, v.text }},
		{word: "config_save_dir", form: text("DIR"), note: "off",
			meaning: "Where every configuration that is read is kept, all files in one.",
			set:     func(g *globals, v value) { g.Paths.ConfigSave = v.text }},
		{word: "tmp_config_directory", form: loose(text("DIR")), once: true, note: "memory",
			meaning: "Where the configuration in force is kept.",
			set:     func(g *globals, v value) { g.Paths.ConfigCopy = v.text }},
		{word: "data_use_instance", form: boolean(), def: "false",
			meaning: "The name of the state dump carries the names of namespace and instance.",
			set:     func(g *globals, v value) { g.Paths.DumpsNamed = v.on }},
		{word: "json_version", form: integer(between(1, 2)), def: "1",
			meaning: "The layout of the JSON dump: 1 is a list of instances, 2 an object with groups and what is tracked.",
			set:     func(g *globals, v value) { g.Paths.JSONVersion = uint8(v.n) }},
		{word: "iproute_usr_dir", form: loose(alone(text("DIR"))), note: "that of iproute2",
			meaning: "Where iproute2 keeps its tables of names.",
			set:     func(g *globals, v value) { g.Paths.IPRouteUsr = v.text }},
		{word: "iproute_etc_dir", form: loose(alone(text("DIR"))), note: "that of iproute2",
			meaning: "Where the tables of names of this machine are, which come first.",
			set:     func(g *globals, v value) { g.Paths.IPRouteEtc = v.text }},
		{word: "state_dump_file", form: loose(alone(text("PATH"))), note: "/tmp/keepalived.data",
			meaning: "Where the state goes when a signal asks for it.",
			set:     func(g *globals, v value) { g.dumpFile(&g.Paths.StateDump, v) }},
		{word: "stats_dump_file", form: loose(alone(text("PATH"))), note: "/tmp/keepalived.stats",
			meaning: "Meant to say where the statistics go; keepalived takes it and writes /tmp/keepalived.stats all the same.",
			set: func(g *globals, v value) {
				g.dumpFile(&g.Paths.StatsDump, v)
				g.b.quirk(v.at, "stats_dump_file has no effect: the statistics go to /tmp/keepalived.stats", "delete it")
			}},
		{word: "json_dump_file", form: loose(alone(text("PATH"))), note: "/tmp/keepalived.json",
			meaning: "Meant to say where the JSON dump goes; keepalived takes it and writes /tmp/keepalived.json all the same.",
			set: func(g *globals, v value) {
				g.dumpFile(&g.Paths.JSONDump, v)
				g.b.quirk(v.at, "json_dump_file has no effect: the JSON dump goes to /tmp/keepalived.json", "delete it")
			}},
	}
}

func (g *globals) dumpFile(to *string, v value) {
	if v.text == "" {
		g.b.complain(v.at, "the path is empty; it is ignored", "")
		return
	}
	*to = v.text
}
