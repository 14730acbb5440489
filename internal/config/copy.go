package config

// Copy tells this daemon from others on the same machine.
type Copy struct {
	// Instance is part of the names of pid files, dumps and logs; empty: none.
	Instance string
	// PIDDir puts pid files into a directory of their own; Instance and NetNS do so
	// as well.
	PIDDir bool
	// NetNS is the network namespace; empty: that in which the daemon is started.
	NetNS string
	// IPVSNetNS is that of IPVS.
	IPVSNetNS NetNS
	// IPSetsInNetNS is namespace_with_ipsets, shown only: there are no ipsets.
	IPSetsInNetNS bool
}

// NetNS is a network namespace, if one is given. One without a name is that of
// process 1.
type NetNS struct {
	Given bool
	Name  string
}

// copyRows are about copies of the daemon that run side by side.
func copyRows() []keyword[builder] {
	type row = keyword[builder]
	return []row{
		{word: "instance", form: loose(text("NAME")), once: true, note: "none",
			meaning: "The name of this copy of the daemon, so that several run side by side; pid files and logs carry it.",
			set:     func(b *builder, v value) { b.cfg.Global.Copy.Instance = v.text }},
		{word: "use_pid_dir", form: flag(), note: "off, without instance and net_namespace",
			meaning: "Pid files go to a directory of their own.",
			set:     func(b *builder, v value) { b.cfg.Global.Copy.PIDDir = true }},
		{word: "net_namespace", form: loose(text("NAME")), once: true, note: "that in which the daemon is started",
			meaning: "The network namespace that the whole daemon enters; a reload cannot change it.",
			set:     func(b *builder, v value) { b.cfg.Global.Copy.NetNS = v.text }},
		{word: "net_namespace_ipvs", form: optional(text("NAME"), value{}), once: true, note: "net_namespace; that of process 1 without a name",
			meaning: "The network namespace of IPVS; a reload cannot change it.",
			set:     func(b *builder, v value) { b.cfg.Global.Copy.IPVSNetNS = NetNS{true, v.text} }},
		{word: "namespace_with_ipsets", form: flag(), note: "off",
			meaning: "ipsets are used in a network namespace too, as old kernels could not; without iptables it changes nothing.",
			set: func(b *builder, v value) {
				b.cfg.Global.Copy.IPSetsInNetNS = true
				b.quirk(v.at, "namespace_with_ipsets has no effect: there are no ipsets", "delete it")
			}},
		{word: "linkbeat_use_polling", form: flag(), note: "off",
			meaning: "The links of all instances are asked for once a second, in place of being told of changes.",
			set:     func(b *builder, v value) { b.cfg.Global.LinkbeatPolling = true }},
	}
}
