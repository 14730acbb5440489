package vrrp

import (
	"fmt"
	"net/netip"
	"time"
)

// Note is something for people to read that is no transition. It is a small
// comparable value; String makes keepalived's words of it, which operators
// search their logs for.
type Note struct {
	Kind NoteKind
	ID   ID     // NoID when it is about a link
	Name string // of the instance or the link
	// Thing is the name of the tracker that it is about.
	Thing string
	Addr  netip.Addr
	From  netip.Addr // for changes from one address to another
	A, B  int64      // numbers in the order in which the text has them
}

// NoID stands where no router is meant.
const NoID ID = -1

// NoteKind is a closed set.
type NoteKind uint8

// The notes. Numbers A and B are what their names say; durations are nanoseconds.
const (
	// Roles and elections.
	NoteTimeout            NoteKind = iota // a BACKUP heard nothing for the down timer
	NoteBackupZero                         // a BACKUP heard priority 0
	NoteMasterZero                         // a MASTER heard priority 0
	NoteLowerDiscarded                     // A priority
	NotePreemptStart                       // A the delay
	NotePreemptStop                        //
	NoteMasterSet                          // Addr
	NoteMasterChanged                      // From, Addr
	NoteIntervalLearnt                     // A own or earlier, B the master's
	NoteIntervalReverted                   // A learnt, B own
	NoteIntervalDiffers                    // A ours, B theirs; version 3, used all the same
	NoteLowerHeard                         // A theirs, B ours
	NoteLowerHeardElection                 // A theirs, B ours
	NoteHigherHeard                        // A theirs, B ours
	NoteSameHigherAddress                  // Addr
	NoteSameSource                         // Addr
	NoteSentZero                           //
	NotePriority                           // A from, B to
	NoteOldChecksum                        //
	NoteSequenceSpent                      // of the authentication header
	NoteLate                               // A nanoseconds
	NoteHeldBack                           // a BACKUP heard nothing, and a tracker says that the master lives
	NoteGaveWay                            // A nanoseconds
	NoteShield                             //
	NoteUnshield                           //
	NotePrioritySet                        // A to
	NoteFileFault                          // Thing
	NoteFileGood                           // Thing
	NoteNotRelieved                        // a MASTER was to hand over

	// Two address owners.
	NoteTwoOwners     // Addr
	NoteOwnerStopped  // Addr
	NoteOwnerStill    // Addr
	NoteOwnerRestored //

	// Links. Name is the link.
	NoteLinkUp
	NoteLinkDown
	NoteUnknownVRID // A VRID

	// Complaints about received adverts, once per state and kind. Addr is the sender.
	NoteLength        // A have, B want
	NoteTTL           // A received
	NoteVersion       // A received, B ours
	NoteAuthType      // A received, B ours
	NotePassword      //
	NoteInterval      // A ours, B theirs
	NoteType          // A received
	NoteTotalLength   // A in the header, B received
	NoteChecksum      // A version
	NoteDestination   // From: where it went; A is 1 for a unicast router
	NoteCount         // A expected, B received
	NoteAddress       // From: the address that is missing; A VRID
	NoteUnicastSource //
	NoteUnicastTTL    // A received, B the least in the high byte and the most in the low one
	NoteHeader        //
	NoteSequence      // A received, B ours

	// Trailers of auth_hmac.
	NoteTrailerMissing //
	NoteTrailerForm    //
	NoteTrailerStale   // A nanoseconds ahead of our clock, B the window
	NoteTrailerKey     // A its id
	NoteTrailerInvalid // A the id of the key
	NoteTrailerReplay  //
	NoteClockSkew      // A nanoseconds ahead of our clock, B the window
)

// Detail says that the line appears only with -D.
func (n Note) Detail() bool {
	switch n.Kind {
	case NoteTimeout, NoteBackupZero, NoteMasterZero, NotePreemptStart, NotePreemptStop,
		NoteMasterSet, NoteSentZero, NoteShield, NoteUnshield,
		NoteFileFault, NoteFileGood:
		return true
	}
	return false
}

// String is keepalived's line.
func (n Note) String() string {
	switch {
	case n.Kind >= NoteTrailerMissing:
		return n.instance(n.trailer())
	case n.Kind >= NoteLength:
		return n.instance(n.complaint())
	case n.Kind >= NoteLinkUp:
		return n.link()
	case n.Kind >= NoteTwoOwners:
		return n.instance(n.owner())
	case n.Kind == NoteFileFault:
		return fmt.Sprintf("(%s): tracked file %s now FAULT state", n.Name, n.Thing)
	case n.Kind == NoteFileGood:
		return fmt.Sprintf("(%s): tracked file %s leaving FAULT state", n.Name, n.Thing)
	case n.Kind == NoteLate:
		return fmt.Sprintf("A thread timer expired %.6f seconds ago", time.Duration(n.A).Seconds())
	case n.Kind == NoteGaveWay:
		return fmt.Sprintf("VRRP thread timer expired %.6f seconds ago", time.Duration(n.A).Seconds())
	}
	return n.instance(n.election())
}

func (n Note) instance(text string) string { return "(" + n.Name + ") " + text }

func (n Note) election() string {
	switch n.Kind {
	case NoteTimeout:
		return "Receive advertisement timeout"
	case NoteHeldBack:
		return "Not taking over from a silent master: a check finds it alive"
	case NoteBackupZero:
		return "Backup received priority 0 advertisement"
	case NoteMasterZero:
		return "Master received priority 0 message"
	case NoteLowerDiscarded:
		return fmt.Sprintf("received lower priority (%d) advert from %s - discarding", n.A, n.Addr)
	case NotePreemptStart:
		return fmt.Sprintf("start preempt delay (%.6f)", time.Duration(n.A).Seconds())
	case NotePreemptStop:
		return "stop preempt delay"
	case NoteMasterSet:
		return fmt.Sprintf("master set to %s", n.Addr)
	case NoteMasterChanged:
		return fmt.Sprintf("master changed from %s to %s", n.From, n.Addr)
	case NoteIntervalLearnt:
		return fmt.Sprintf("advertisement interval updated from %dms to %dms by master", millis(n.A), millis(n.B))
	case NoteIntervalReverted:
		return fmt.Sprintf("changing advert interval from %dms to locally configured %dms", millis(n.A), millis(n.B))
	case NoteIntervalDiffers:
		return fmt.Sprintf("advertisement interval mismatch: mine=%dms received=%dms from %s", millis(n.A), millis(n.B), n.Addr)
	case NoteLowerHeard:
		return fmt.Sprintf("Received advert from %s with lower priority %d, ours %d", n.Addr, n.A, n.B)
	case NoteLowerHeardElection:
		return fmt.Sprintf("Received advert from %s with lower priority %d, ours %d, forcing new election", n.Addr, n.A, n.B)
	case NoteHigherHeard:
		return fmt.Sprintf("Master received advert from %s with higher priority %d, ours %d", n.Addr, n.A, n.B)
	case NoteSameHigherAddress:
		return fmt.Sprintf("Master received advert from %s with same priority %d but higher IP address than ours", n.Addr, n.A)
	case NoteSameSource:
		return "WARNING - equal priority advert received from remote host with our IP address."
	case NoteSentZero:
		return "sent 0 priority"
	case NoteShield:
		return "setting firewall drop rule"
	case NoteUnshield:
		return "removing firewall drop rule"
	case NotePriority:
		return fmt.Sprintf("Changing effective priority from %d to %d", n.A, n.B)
	case NotePrioritySet:
		return fmt.Sprintf("Setting effective priority to %d", n.A)
	case NoteSequenceSpent:
		return "IPSEC-AH sequence number has cycled: nothing is sent until another master is heard"
	case NoteNotRelieved:
		return "Not handing over: nobody takes over; staying MASTER"
	case NoteOldChecksum:
		return "Setting unicast VRRPv3 checksum to old version"
	}
	panic("vrrp: note without words")
}

func (n Note) owner() string {
	switch n.Kind {
	case NoteTwoOwners:
		return fmt.Sprintf("CONFIGURATION ERROR: local instance and %s are both configured as address owner, please resolve", n.Addr)
	case NoteOwnerStopped:
		return "rogue address owner appears to have stopped advertising"
	case NoteOwnerStill:
		return fmt.Sprintf("%s is still advertising as address owner, please resolve - reducing our priority", n.Addr)
	case NoteOwnerRestored:
		return "Restoring our priority to 255 - the other address owner is gone"
	}
	panic("vrrp: note without words")
}

func (n Note) link() string {
	switch n.Kind {
	case NoteLinkUp:
		return "Netlink reports " + n.Name + " up"
	case NoteLinkDown:
		return "Netlink reports " + n.Name + " down"
	case NoteUnknownVRID:
		return fmt.Sprintf("Unknown VRID(%d) received on interface(%s). ignoring...", n.A, n.Name)
	}
	panic("vrrp: note without words")
}

func (n Note) complaint() string {
	switch n.Kind {
	case NoteLength:
		return fmt.Sprintf("vrrp packet too %s, length %d and expect %d (from %s)", n.shortOrLong(), n.A, n.B, n.Addr)
	case NoteTTL:
		return fmt.Sprintf("invalid TTL/HL. Received %d and expect 255 (from %s)", n.A, n.Addr)
	case NoteVersion:
		return fmt.Sprintf("wrong version. Received %d and expect %d (from %s)", n.A, n.B, n.Addr)
	case NoteAuthType:
		return fmt.Sprintf("received a %d auth, expecting %d! (from %s)", n.A, n.B, n.Addr)
	case NotePassword:
		return fmt.Sprintf("received an invalid passwd! (from %s)", n.Addr)
	case NoteInterval:
		return fmt.Sprintf("advertisement interval mismatch mine=%d sec rcv'd=%d sec (from %s)",
			millis(n.A)/1000, millis(n.B)/1000, n.Addr)
	case NoteType:
		return fmt.Sprintf("Invalid packet type. %d and expect 1 (from %s)", n.A, n.Addr)
	case NoteTotalLength:
		return fmt.Sprintf("ip_tot_len mismatch against received length. %d and received %d (from %s)", n.A, n.B, n.Addr)
	case NoteChecksum:
		return fmt.Sprintf("Invalid VRRPv%d checksum from %s", n.A, n.Addr)
	case NoteDestination:
		return n.destination()
	case NoteCount:
		return fmt.Sprintf("expected %d VIPs but received %d from %s", n.A, n.B, n.Addr)
	case NoteAddress:
		return fmt.Sprintf("ip address associated with VRID %d not present in MASTER advert: %s (from %s)", n.A, n.From, n.Addr)
	case NoteUnicastSource:
		return fmt.Sprintf("unicast source address %s not a unicast peer", n.Addr)
	case NoteUnicastTTL:
		return fmt.Sprintf("TTL/HL %d not in range %d - %d (from %s)", n.A, n.B>>8, n.B&0xff, n.Addr)
	case NoteHeader:
		return fmt.Sprintf("IPSEC-AH: invalid digest or SPI (from %s)", n.Addr)
	case NoteSequence:
		return fmt.Sprintf("IPSEC-AH: sequence number %d already processed, ours %d (from %s)", n.A, n.B, n.Addr)
	}
	panic("vrrp: note without words")
}

// trailer tells what is wrong and, where the cause is usually the same, what to do.
func (n Note) trailer() string {
	switch n.Kind {
	case NoteTrailerMissing:
		return fmt.Sprintf("auth_hmac: advert from %s has no trailer", n.Addr)
	case NoteTrailerForm:
		return fmt.Sprintf("auth_hmac: advert from %s has a malformed trailer", n.Addr)
	case NoteTrailerStale:
		return fmt.Sprintf("auth_hmac: advert from %s is stamped %s, the window is %s: set the clocks",
			n.Addr, aheadOrBehind(n.A), seconds(time.Duration(n.B)))
	case NoteTrailerKey:
		return fmt.Sprintf("auth_hmac: advert from %s is signed with key %d, which is not defined here", n.Addr, n.A)
	case NoteTrailerInvalid:
		return fmt.Sprintf("auth_hmac: advert from %s does not bear out key %d: the secrets differ, or it is forged", n.Addr, n.A)
	case NoteTrailerReplay:
		return fmt.Sprintf("auth_hmac: advert from %s was heard before, or is older than one that was", n.Addr)
	case NoteClockSkew:
		return fmt.Sprintf("auth_hmac: the clock of %s is %s, over half the window of %s: set the clocks",
			n.Addr, aheadOrBehind(n.A), seconds(time.Duration(n.B)))
	}
	panic("vrrp: note without words")
}

// aheadOrBehind says how another clock differs from ours.
func aheadOrBehind(ns int64) string {
	if ns < 0 {
		return seconds(time.Duration(-ns)) + " behind ours"
	}
	return seconds(time.Duration(ns)) + " ahead of ours"
}

func (n Note) shortOrLong() string {
	if n.A < n.B {
		return "short"
	}
	return "long"
}

func (n Note) destination() string {
	switch {
	case n.A == 1:
		return fmt.Sprintf("Expected unicast packet but received multicast packet (from %s)", n.Addr)
	case !n.From.IsMulticast():
		return fmt.Sprintf("Expected multicast packet but received unicast packet (from %s)", n.Addr)
	}
	return fmt.Sprintf("advert from %s went to group %s, not ours", n.Addr, n.From)
}

func millis(ns int64) int64 { return ns / int64(time.Millisecond) }
