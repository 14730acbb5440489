package lint

import (
	"slices"

	"holdfast/internal/conf"
)

// Rule is a check with a name, by which a file can acknowledge what it finds.
type Rule struct {
	// Name is in kebab-case.
	Name     string
	Severity conf.Severity
	// Common rules are true of half of all files: they are told together, in short.
	Common bool
	// Why is a sentence that says what is wrong, Do one that says what to write.
	Why, Do string
}

// Rules lists all checks that have a name. Those with severity Complaint or Error
// are found while the file is read; keepalived speaks of them too.
func Rules() []Rule {
	return slices.Concat(common(), advice(), complaints(), host())
}

// common are true of half of all files.
func common() []Rule {
	return []Rule{
		{"vip-length", conf.Advice, true,
			"A virtual address without prefix length is added as a host address (/32, for IPv6 /128), whatever the network of the interface is.",
			"Write the length behind the address, ADDRESS/24; or /32 where that is meant."},
		{"failback", conf.Advice, true,
			"With state MASTER and without preempt_delay or nopreempt a node that returns takes its addresses back at once: a second interruption, perhaps before its services are up.",
			"Write state BACKUP on both nodes, and nopreempt (it never takes them back) or preempt_delay SECONDS (it waits) on the preferred one."},
		{"sample-vrid", conf.Advice, true,
			"51 is the virtual_router_id of keepalived's sample file and of half of all configurations: two clusters with one number on a shared network disturb one another.",
			"Give each cluster on a network a number of its own, 1 to 255, the same on all of its nodes."},
		{"known-password", conf.Advice, true,
			"The password is one that everybody tries first. VRRP sends it in clear text, so it protects against accidents only, and only if it is not the same everywhere.",
			"Take a word that belongs to this cluster alone, at most eight characters; or leave authentication out."},
		{"sample-identity", conf.Advice, true,
			"A name or an address of the sample file is still there: mail goes to nobody, and alerts do not say which machine they are about.",
			"Write the names of this machine and site, or delete the line."},
		{"script-fall-rise", conf.Advice, true,
			"A tracked script without fall and rise changes the role after a single failed run: one slow answer moves the addresses.",
			"Write fall 2 or 3, and rise 2."},
		{"script-timeout", conf.Advice, true,
			"A tracked script without timeout may hang for a whole interval before it counts as failed; its timeout is then the interval.",
			"Write timeout SECONDS, less than the interval, as long as the command may take."},
		{"same-vrid", conf.Advice, true,
			"Two instances of one file have the same virtual_router_id on different interfaces: right while the two networks are separate, and a fault as soon as they are one.",
			"Give each instance a number of its own."},
	}
}

// advice are the other things that are legal.
func advice() []Rule {
	return []Rule{
		{"small-weight", conf.Advice, false,
			"A weight of 1 or 2 moves the addresses only when the priorities of the nodes are as close as that.",
			"Make the weight greater than the difference of the priorities."},
		{"weight-sum", conf.Advice, false,
			"Priority and weights together leave the range 1 to 254, where the sum is cut: several failures then weigh no more than a few.",
			"Make the weights smaller, or the priority."},
		{"process-by-command", conf.Advice, false,
			"A program is started at every interval only to see whether another one runs.",
			"Write vrrp_track_process: it is told by the kernel at once, and runs nothing."},
		{"bare-command", conf.Advice, false,
			"A command without a path is looked for along PATH, and what is found depends on how the daemon was started; keepalived finds nothing for users other than root.",
			"Write the full path."},
		{"linked-path", conf.Advice, false,
			"/bin and /sbin are links on most systems today. keepalived with script security refuses commands that are reached through a link to a directory; holdfast follows it.",
			"Write /usr/bin or /usr/sbin."},
		{"shell-syntax", conf.Advice, false,
			"Commands are run without a shell: >, |, && and their like are handed to the program as arguments.",
			"Put the line into a file with #!/bin/sh, or write sh -c '...' with its full path."},
		{"user-or-argument", conf.Advice, false,
			"The second word of a command without quotes is the user to run as, not an argument.",
			"Put quotes around the whole command if arguments are meant."},
		{"default-script-user", conf.Advice, false,
			"With enable_script_security and without script_user, scripts run as the account keepalived_script; where there is none they do not run at all.",
			"Write script_user USER in global_defs."},
		{"owner-priority", conf.Advice, false,
			"Priority 255 is for the router whose own interface addresses the virtual ones are: it never waits, and no weight, nopreempt or delay counts for it.",
			"Write 254 or less, unless the addresses are this machine's own."},
		{"untracked", conf.Advice, false,
			"Something is defined to be tracked, and nobody tracks it: it has no effect.",
			"Name it in track_script, track_process, track_file or track_bfd; or delete it."},
		{"comment-in-word", conf.Advice, false,
			"# or ! in the middle of a word begins a comment: the word ends before it. Passwords are cut short that way.",
			"Put quotes around the word, or a blank before the comment."},
		{"advert-size", conf.Advice, false,
			"An advert that tells more than about 90 IPv6 addresses does not fit into a frame of 1500 bytes.",
			"Move addresses to virtual_ipaddress_excluded, which are held and not told."},
		{"mail-by-name", conf.Advice, false,
			"The mail server is given by name, which has to be resolved while the daemon starts: without a working resolver, mail is lost or the start is late.",
			"Write its address."},
		{"virtual-server-without-vip", conf.Advice, false,
			"The address of a virtual_server is not among the virtual addresses of this file: nothing brings it to this node.",
			"Add it to virtual_ipaddress, or correct one of the two."},
		{"no-checker", conf.Advice, false,
			"A real server without a checker always counts as alive.",
			"Give each real_server a checker: TCP_CHECK at least."},
		{"udp-by-tcp", conf.Advice, false,
			"A UDP service is watched by a TCP connection: they can fail apart.",
			"Use UDP_CHECK, DNS_CHECK or MISC_CHECK."},
		{"quirk", conf.Advice, false,
			"keepalived reads this otherwise than it looks, and holdfast reads it as keepalived does.",
			"Write what the finding says: it means the same and cannot be misread."},
		{"surprise", conf.Advice, false,
			"Something is legal and has no effect, or another one than it seems to have.",
			"The finding says what happens, and what to write."},
		{"unknown-rule", conf.Advice, false,
			"A comment accepts a rule that does not exist.",
			"The names stand in brackets behind the findings, and in this list."},
	}
}

// complaints are told by the reader of the language.
func complaints() []Rule {
	return []Rule{
		{"ignored-file", conf.Error, false,
			"keepalived reads no file that is executable, a directory or missing, and still reports success.",
			"Make it a regular file that can be read: chmod 644."},
		{"empty-file", conf.Error, false,
			"A file without a statement: keepalived starts, does nothing and reports success.",
			"Write at least one vrrp_instance or virtual_server."},
		{"script-security", conf.Complaint, true,
			"Scripts are run without enable_script_security: whoever can change one of them becomes root.",
			"Write enable_script_security and script_user in global_defs."},
		{"unknown-word", conf.Complaint, false,
			"A word that keepalived does not know there; the line is lost.",
			"The finding names the nearest word, or the block it belongs to."},
		{"unknown-value", conf.Complaint, false,
			"A value that the keyword does not know; it stays as it was.",
			"The finding lists the legal ones."},
		{"given-twice", conf.Complaint, false,
			"A keyword that may stand once stands twice; the first one counts.",
			"Delete one."},
		{"text-cut", conf.Complaint, false,
			"A text is longer than what is sent or kept; a password of version 2 has eight characters.",
			"Write the short form on all nodes."},
		{"zero-ignored", conf.Complaint, false,
			"0 is not legal there and is ignored; off is what one gets without the line.",
			"Delete the line."},
		{"undefined-name", conf.Complaint, false,
			"What is tracked is defined nowhere, or below: it is not tracked; or a webhook is defined nowhere: nobody is told.",
			"Define it; what is tracked, above its use."},
		{"unused-webhook", conf.Advice, false,
			"A webhook that no notify_webhook names is never called.",
			"Name it in global_defs, in an instance, a group or a server, or delete it."},
		{"own-interface", conf.Complaint, false,
			"An instance follows its own interface anyway; tracking it is ignored.",
			"Delete the line."},
		{"owner-weight", conf.Complaint, false,
			"The priority of an address owner (255) never changes: weights are ignored.",
			"Track without weight, or write a priority of 254 or less."},
		{"nopreempt-ignored", conf.Complaint, false,
			"nopreempt goes with state BACKUP and a priority below 255 only, and is ignored elsewhere.",
			"Write state BACKUP on both nodes."},
		{"preempt-delay-ignored", conf.Complaint, false,
			"preempt_delay does not go with state MASTER, strict mode or nopreempt, and is ignored.",
			"Write state BACKUP on both nodes, or delete one of the two."},
		{"no-address", conf.Complaint, false,
			"An instance without virtual addresses.",
			"Write virtual_ipaddress, or no_virtual_ipaddress where that is meant."},
		{"unused-password", conf.Complaint, false,
			"Version 3 and strict mode have no authentication: the password is not used.",
			"Delete the block."},
		{"strict-unicast", conf.Complaint, false,
			"Strict mode does not go with unicast.",
			"Turn strict mode off."},
		{"strict-filter", conf.Advice, false,
			"Strict mode keeps everybody from reaching the virtual addresses, unless version 3 says accept: they cannot be pinged or connected to.",
			"Turn strict mode off; or write version 3 and accept."},
		{"unicast-without-peers", conf.Complaint, false,
			"A unicast source or an empty unicast_peer: adverts go to the multicast group.",
			"Name the other nodes in unicast_peer."},
		{"port-ignored", conf.Complaint, false,
			"Under DR and TUN the port of a real server is that of the service; another one is ignored.",
			"Write the same port, or lb_kind NAT."},
		{"mark-protocol", conf.Complaint, false,
			"A service by firewall mark has no protocol.",
			"Delete the line."},
		{"default-used", conf.Complaint, false,
			"A virtual server lacks its scheduler, its way of forwarding or its protocol: keepalived takes one, and says so.",
			"Write lb_algo, lb_kind and protocol."},
		{"quorum-out-of-reach", conf.Complaint, false,
			"The quorum of a virtual server is more than its real servers can have together.",
			"The quorum is a sum of weights, not a number of servers."},
		{"portable", conf.Complaint, false,
			"With --portable: the word is one of holdfast's own, which keepalived does not know; it leaves the line out, or refuses the block.",
			"Delete it where keepalived is to run the file too, or acknowledge the finding."},
		{"group-of-one", conf.Complaint, false,
			"A sync group with one member.",
			"A group makes several instances change together: name them, or delete it."},
		{"no-recipient", conf.Complaint, false,
			"notification_email is empty.",
			"Name somebody, or delete it."},
	}
}

// host are found with --host only: they compare the file with a machine.
func host() []Rule {
	return []Rule{
		{"no-interface", conf.Complaint, false,
			"An interface that is named does not exist on this machine.",
			"Correct the name, or create the interface."},
		{"no-source-address", conf.Complaint, false,
			"The interface of an instance has no address of its family that adverts can be sent from.",
			"Add one, or write unicast_src_ip or mcast_src_ip."},
		{"foreign-source", conf.Complaint, false,
			"The source address that is named is not on the interface of the instance.",
			"Write an address that this node has there."},
		{"foreign-network", conf.Advice, false,
			"A virtual address is in none of the networks of its interface: neighbours will not ask for it there.",
			"Correct the address, or see that there is a route to it."},
		{"ipv6-disabled", conf.Complaint, false,
			"IPv6 is turned off on the interface of an IPv6 instance.",
			"Turn it on: sysctl net.ipv6.conf.IFNAME.disable_ipv6=0."},
		{"no-multicast", conf.Complaint, false,
			"The interface of an instance does not do multicast.",
			"Turn it on, or use unicast_peer."},
		{"script-path", conf.Complaint, false,
			"A script cannot be run on this machine, or somebody other than root could change what is run.",
			"The finding names the component of the path that is at fault."},
	}
}
