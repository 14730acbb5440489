package cluster

import "holdfast/internal/conf"

// Rule is a comparison with a name, by which a file can acknowledge what it finds.
type Rule struct {
	// Name is in kebab-case.
	Name string
	// Severity is the worst that the rule finds. A complaint leads to two MASTERs
	// or to none; advice works until something fails, or otherwise than it reads.
	Severity conf.Severity
	// Why is a sentence that says what is wrong, Do one that says what to write.
	Why, Do string
}

// Rules lists all comparisons, in the order of their names.
func Rules() []Rule {
	const all = "Write the same on all nodes."
	return []Rule{
		{"addresses-differ", conf.Complaint, "The nodes advertise other virtual addresses; keepalived 2.2 then drops the adverts, holdfast and keepalived 2.4 log them, and an address that one node lacks is gone when that node is MASTER.", all},
		{"authentication-differs", conf.Complaint, "The nodes have other passwords, or only some have one: each drops the adverts of the others and becomes MASTER.", "Write the same auth_type and auth_pass on all nodes."},
		{"both-master", conf.Advice, "Several nodes have state MASTER, which decides nothing: the highest priority does.", "Write state MASTER on one node at most, and BACKUP on the others."},
		{"checksum-differs", conf.Complaint, "Only some nodes have v3_checksum_as_v2: those without it drop the adverts of the others and become MASTER.", all},
		{"equal-priorities", conf.Advice, "The highest priority is the same on several nodes: which of them is MASTER depends on who started first, and on their addresses.", "Write a higher priority on the node that is to be MASTER."},
		{"excluded-addresses-differ", conf.Advice, "The nodes have other excluded addresses, which adverts do not tell: nobody notices, and an address that one node lacks is gone when that node is MASTER.", all},
		{"family-differs", conf.Complaint, "An instance is IPv4 on one node and IPv6 on another: these are two virtual routers.", "Give each family an instance of its own, on all nodes."},
		{"group-differs", conf.Complaint, "The nodes send to other multicast groups and do not hear each other: each becomes MASTER.", all},
		{"hmac-differs", conf.Complaint, "A node does not take the adverts of another one on account of auth_hmac: it hears nothing of it and becomes MASTER too.", "Write the same keys and the same active_key on all nodes."},
		{"instance-on-one-node", conf.Advice, "An instance is on one node only: nobody takes its addresses over.", "Write it on the other nodes too, or delete it."},
		{"interval-differs", conf.Complaint, "The nodes have other advert intervals: under version 2 each drops the adverts of the others and becomes MASTER, under version 3 a failure is noticed sooner or later depending on who fails.", all},
		{"master-is-lower", conf.Advice, "The node with state MASTER does not have the highest priority: another one is MASTER.", "Give the MASTER the highest priority."},
		{"names-differ", conf.Advice, "One virtual router has two names: logs and notifications of the nodes are hard to compare.", "Use one name on all nodes."},
		{"nopreempt-against-weights", conf.Advice, "A node with nopreempt leaves a running MASTER alone, whatever weights do to its priority.", "Track without weight, so that a failure means FAULT."},
		{"nopreempt-on-one-node", conf.Advice, "Only some nodes have nopreempt: the others take the addresses back.", "Write it on all nodes, or on none."},
		{"nopreempt-with-master", conf.Advice, "State MASTER or priority 255 cancels nopreempt: the node takes the addresses back.", "Write state BACKUP on all nodes."},
		{"owner-of-shared-address", conf.Advice, "Priority 255 makes a node the owner of addresses that others hold too: it takes them at once when it starts, and no weight lowers it.", "Write a priority below 255."},
		{"real-servers-differ", conf.Advice, "A virtual server has other real servers on another node.", all},
		{"same-source", conf.Complaint, "Two nodes send from one address, which only one of them can have.", "Write each node's own address."},
		{"server-group-differs", conf.Advice, "A virtual_server_group has other entries on another node.", all},
		{"strict-differs", conf.Advice, "Only some nodes are under strict mode, which drops passwords, refuses unicast and filters addresses.", "Write or delete vrrp_strict on all nodes."},
		{"sync-group-disagrees", conf.Advice, "Members of a sync group are preferred on different nodes: neither node takes the group from the other.", "Prefer all members of a group on the same node."},
		{"sync-group-member-missing", conf.Complaint, "A sync group has other members on another node: what moves together on one does not on the other, and a member that is missing altogether goes nowhere.", "Write the same members on all nodes."},
		{"sync-group-missing", conf.Advice, "A sync group is missing on another node: there its members change role one by one.", "Write the same vrrp_sync_group on all nodes."},
		{"tracked-on-one-node", conf.Advice, "Something is tracked on some nodes only: a node that is not looked at takes over, or stays MASTER, while it does not work.", "Track the same on all nodes."},
		{"two-owners", conf.Complaint, "Several nodes have priority 255, which says that the addresses are their own.", "Write priorities below 255, different ones."},
		{"unicast-against-multicast", conf.Complaint, "Some nodes send unicast and others multicast: each drops the adverts of the others and becomes MASTER.", "Write unicast_peer on all nodes, or on none."},
		{"unicast-peer-missing", conf.Complaint, "A node does not send to another one, which then hears nothing while that node is MASTER and becomes MASTER too.", "Name all other nodes in unicast_peer."},
		{"unicast-peer-unknown", conf.Advice, "A unicast peer is the source of none of the nodes.", "Name its file too, or delete the line."},
		{"unicast-source-unnamed", conf.Complaint, "No other node names the source of a node, which so hears nobody and is MASTER whenever it runs.", "Write the same address in unicast_src_ip of the node and in unicast_peer of the others."},
		{"version-differs", conf.Complaint, "The nodes speak other versions of VRRP: each drops the adverts of the others and becomes MASTER.", all},
		{"virtual-server-differs", conf.Advice, "A virtual server hands connections out otherwise on another node.", all},
		{"virtual-server-on-one-node", conf.Advice, "A virtual server is on some nodes only: nobody serves when another node has the addresses.", "Write it on all nodes."},
		{"vrid-differs", conf.Complaint, "One address has another virtual_router_id on another node: these are two virtual routers, and both become MASTER of it.", all},
		{"vrid-reused", conf.Complaint, "One virtual_router_id stands for different things on two nodes: only one of them is MASTER, and the addresses of the other are nowhere.", "Give each virtual router a number of its own on a network."},
		{"weight-too-small", conf.Advice, "The weights of trackers are smaller than the distance of the priorities: whatever fails, the same node is MASTER.", "Bring the priorities closer, or enlarge the weights; or track without weight, so that a failure means FAULT."},
		{"weights-turn-order", conf.Advice, "With all well another node is MASTER than the priorities say, as weights add to them.", "Write the highest priority on the node that is to be MASTER, and negative weights."},
	}
}
