package status

import "strings"

// Causes are the kinds of reasons for a change of role that are counted.
func Causes() []string {
	return []string{"start", "master down", "preempted", "preempting", "handed over", "relieved", "owner", "sync group", "fault", "overslept", "stop", "other"}
}

// Cause sorts the reason for a role.
func Cause(role, reason string) string {
	for _, c := range [...]struct{ prefix, cause string }{
		{"sync group ", "sync group"}, {"init", "start"}, {"master down", "master down"}, {"preempted by", "preempted"}, {"yielding to", "preempted"},
		{"preempting", "preempting"}, {"handed over by", "handed over"}, {"handed over to", "relieved"}, {"owner of", "owner"}, {"overslept", "overslept"}, {"stopping", "stop"},
	} {
		if strings.HasPrefix(reason, c.prefix) {
			return c.cause
		}
	}
	if role == "FAULT" {
		return "fault"
	}
	return "other"
}
