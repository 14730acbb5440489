package lan

import (
	"fmt"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"holdfast/internal/vrrp/wire"
)

// VRIDs is a set of virtual router identifiers, one bit each.
type VRIDs [8]uint32

// Add puts v into the set.
func (s *VRIDs) Add(v uint8) { s[v/32] |= 1 << (v % 32) }

// Has reports whether v is in the set.
func (s *VRIDs) Has(v uint8) bool { return s[v/32]>>(v%32)&1 == 1 }

// Instruction operands for places that become known later.
const (
	toDrop = 0xff
	toTest = 0xfe
	next   = 0
)

// kind is what stands before the message as the kernel shows it to a filter.
type kind uint8

const (
	behindIP kind = iota // an IPv4 header
	behindAH             // an IPv4 header and an authentication header
	bare                 // IPv6: nothing
)

// vridFilter is the classic BPF program that lets through adverts for the
// VRIDs of the set, whatever their version; with all, adverts for any. The
// kernel shows it an IPv4 datagram from its header, and of IPv6 the payload.
func vridFilter(k kind, all bool, set *VRIDs) []bpf.Instruction {
	prog := typeTest(k)
	if !all {
		prog = append(prog, setTest(k, set)...)
	}
	prog = append(prog, bpf.RetConstant{Val: 1 << 18}, bpf.RetConstant{Val: 0})
	return resolve(prog)
}

// typeTest keeps protocol 112 and VRRP type 1; for IPv4 it leaves the length of
// the IP header in X.
func typeTest(k kind) []bpf.Instruction {
	switch k {
	case bare:
		return append([]bpf.Instruction{bpf.LoadAbsolute{Off: 0, Size: 1}}, typeIsOne()...)
	case behindAH: // whose first two bytes are the next header and its own length
		return append([]bpf.Instruction{
			bpf.LoadMemShift{Off: 0},
			bpf.LoadIndirect{Off: 0, Size: 2},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: wire.Protocol<<8 | wire.HeaderSize/4 - 2, SkipTrue: next, SkipFalse: toDrop},
			bpf.LoadIndirect{Off: wire.HeaderSize, Size: 1},
		}, typeIsOne()...)
	}
	return append([]bpf.Instruction{
		bpf.LoadAbsolute{Off: 9, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: wire.Protocol, SkipTrue: next, SkipFalse: toDrop},
		bpf.LoadMemShift{Off: 0},
		bpf.LoadIndirect{Off: 0, Size: 1},
	}, typeIsOne()...)
}

// typeIsOne tests the first byte of the message.
func typeIsOne() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x0f},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 1, SkipTrue: next, SkipFalse: toDrop},
	}
}

// vrid loads the second byte of the message.
func vrid(k kind) bpf.Instruction {
	switch k {
	case bare:
		return bpf.LoadAbsolute{Off: 1, Size: 1}
	case behindAH:
		return bpf.LoadIndirect{Off: wire.HeaderSize + 1, Size: 1}
	}
	return bpf.LoadIndirect{Off: 1, Size: 1}
}

// setTest looks the VRID up in the words of the set that are not empty: a jump
// to the word, then its bit. The length does not grow with the number of VRIDs.
func setTest(k kind, set *VRIDs) []bpf.Instruction {
	prog := []bpf.Instruction{
		vrid(k),
		bpf.StoreScratch{Src: bpf.RegA, N: 0},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 31},
		bpf.TAX{},
		bpf.LoadScratch{Dst: bpf.RegA, N: 0},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 5},
	}
	for word, bits := range set {
		if bits == 0 {
			continue
		}
		prog = append(prog,
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(word), SkipTrue: next, SkipFalse: 2},
			bpf.LoadConstant{Dst: bpf.RegA, Val: bits},
			bpf.Jump{Skip: toTest})
	}
	return append(prog,
		bpf.Jump{Skip: toDrop},
		bpf.ALUOpX{Op: bpf.ALUOpShiftRight},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 1, SkipTrue: next, SkipFalse: toDrop})
}

// resolve replaces the named places: drop is the last instruction, the test the
// fifth from the end.
func resolve(prog []bpf.Instruction) []bpf.Instruction {
	drop, test := len(prog)-1, len(prog)-5
	for i, ins := range prog {
		switch ins := ins.(type) {
		case bpf.JumpIf:
			if ins.SkipFalse == toDrop {
				ins.SkipFalse = uint8(drop - i - 1)
				prog[i] = ins
			}
		case bpf.Jump:
			if ins.Skip == toTest {
				prog[i] = bpf.Jump{Skip: uint32(test - i - 1)}
			}
			if ins.Skip == toDrop {
				prog[i] = bpf.Jump{Skip: uint32(drop - i - 1)}
			}
		}
	}
	return prog
}

// attach sets or replaces the filter of fd in one step: no packet sees the
// socket without one.
func attach(fd int, prog []bpf.Instruction) error {
	raw, err := bpf.Assemble(prog)
	if err != nil {
		panic(fmt.Sprintf("lan: filter does not assemble: %v", err))
	}
	code := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		code[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]})
}

// deaf is the filter of a socket that only sends.
func deaf() []bpf.Instruction { return []bpf.Instruction{bpf.RetConstant{Val: 0}} }
