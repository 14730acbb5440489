package netlink

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"

	"holdfast/internal/host"
)

// sizeofNdMsg is that of struct ndmsg: family, three bytes of nothing, index, state, flags, type.
const sizeofNdMsg = 12

// lasting are the states of neighbours that are never asked: multicast, and what
// somebody set.
const lasting = unix.NUD_NOARP | unix.NUD_PERMANENT

// hush deletes the neighbours of links, found with one question for all of them.
func (k *Kernel) hush(ops []host.LinkOp, errs []error) {
	links := map[uint32]bool{}
	for i, op := range ops {
		index, known := k.links.index(op.Name)
		if !known {
			errs[i] = &LinkError{Op: op, Err: unix.ENODEV}
			continue
		}
		links[uint32(index)] = true
	}
	list, err := k.neighbours(links)
	if err == nil {
		err = k.forget(list)
	}
	if err != nil {
		errs[0] = &LinkError{Op: ops[0], Err: err}
	}
}

// neighbours are the requests that delete those on links.
func (k *Kernel) neighbours(links map[uint32]bool) (list []request, err error) {
	err = k.dump(unix.RTM_GETNEIGH, make([]byte, sizeofNdMsg), func(m []byte) error {
		if len(m) < sizeofNdMsg {
			return errShort
		}
		if state := binary.NativeEndian.Uint16(m[8:]); !links[number(m[4:])] || state&lasting != 0 {
			return nil
		}
		for kind, v := range attributes(m[sizeofNdMsg:]) {
			if kind == unix.NDA_DST {
				list = append(list, request{unix.RTM_DELNEIGH, unix.NLM_F_REQUEST, appendAttr(append([]byte{}, m[:sizeofNdMsg]...), kind, v)})
			}
		}
		return nil
	})
	return list, err
}

// forget carries the requests out. What went meanwhile is no error.
func (k *Kernel) forget(list []request) error {
	for len(list) > 0 {
		batch := list[:min(len(list), linkBatch)]
		errs := make([]error, len(batch))
		k.writer.ask(batch, errs)
		for _, err := range errs {
			if err != nil && !errors.Is(err, unix.ENOENT) {
				return err
			}
		}
		list = list[len(batch):]
	}
	return nil
}
