package systemd

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"holdfast/internal/checker/dial"
)

// bus is a connection to a message bus: as much of the D-Bus specification as a
// call with texts for arguments and one text for an answer needs.
type bus struct {
	*dial.Conn
	serial uint32
}

// greet authenticates as the user of this process and takes a name.
func (b *bus) greet() error {
	uid := hex.EncodeToString([]byte(strconv.Itoa(os.Geteuid())))
	if _, err := io.WriteString(b, "\x00AUTH EXTERNAL "+uid+"\r\n"); err != nil {
		return err
	}
	answer, err := b.line()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(answer, "OK") {
		return fmt.Errorf("the bus refuses us: %q", answer)
	}
	if _, err := io.WriteString(b, "BEGIN\r\n"); err != nil {
		return err
	}
	const name = "org.freedesktop.DBus"
	_, err = b.call(message{destination: name, path: "/org/freedesktop/DBus", inter: name, member: "Hello"})
	return err
}

// line reads a short line, byte by byte so that nothing behind it is taken.
func (b *bus) line() (string, error) {
	var text []byte
	for c := make([]byte, 1); len(text) < 512; {
		if _, err := io.ReadFull(b, c); err != nil {
			return "", err
		}
		if c[0] == '\n' {
			return strings.TrimSuffix(string(text), "\r"), nil
		}
		text = append(text, c[0])
	}
	return "", errors.New("the bus does not speak D-Bus")
}

// message is a call.
type message struct {
	destination, path, inter, member string
	args                             []string
}

// call makes a call and waits for the text that is its answer.
func (b *bus) call(m message) (string, error) {
	b.serial++
	if _, err := b.Write(m.encode(b.serial)); err != nil {
		return "", err
	}
	for {
		packet, err := b.packet()
		if err != nil {
			return "", err
		}
		r, err := decode(packet)
		switch {
		case err != nil:
			return "", err
		case r.serial != b.serial: // a signal, or the answer to another
		case r.failure != "":
			return "", errors.New(strings.TrimSpace(r.failure + " " + r.text))
		default:
			return r.text, nil
		}
	}
}

// packetLimit bounds what is read of one message; answers have some hundred bytes.
const packetLimit = 64 << 10

// packet reads one message.
func (b *bus) packet() ([]byte, error) {
	head := make([]byte, 16)
	if _, err := io.ReadFull(b, head); err != nil {
		return nil, err
	}
	if head[0] != 'l' {
		return nil, errors.New("the bus answers in another byte order")
	}
	body, fields := binary.LittleEndian.Uint32(head[4:]), binary.LittleEndian.Uint32(head[12:])
	if body > packetLimit || fields > packetLimit {
		return nil, errors.New("the bus sends a message of unlikely size")
	}
	rest := make([]byte, (fields+7)&^7+body)
	if _, err := io.ReadFull(b, rest); err != nil {
		return nil, err
	}
	return append(head, rest...), nil
}

// Kinds of messages, and of the fields of their headers.
const (
	methodCall, methodReturn, methodError = 1, 2, 3

	noAutoStart = 2 // asking must not start what is asked

	fieldPath, fieldInterface, fieldMember, fieldErrorName = 1, 2, 3, 4
	fieldReplySerial, fieldDestination, fieldSignature     = 5, 6, 8
)

// encode is the message in the byte order of D-Bus called little-endian.
func (m *message) encode(serial uint32) []byte {
	var body, head writer
	for _, a := range m.args {
		body.text(a)
	}
	head.b = append(head.b, 'l', methodCall, noAutoStart, 1)
	head.number(uint32(len(body.b)))
	head.number(serial)
	head.number(0)
	head.field(fieldPath, 'o', m.path)
	head.field(fieldInterface, 's', m.inter)
	head.field(fieldMember, 's', m.member)
	head.field(fieldDestination, 's', m.destination)
	if len(m.args) > 0 {
		head.field(fieldSignature, 'g', strings.Repeat("s", len(m.args)))
	}
	binary.LittleEndian.PutUint32(head.b[12:], uint32(len(head.b)-16))
	head.align(8)
	return append(head.b, body.b...)
}

// writer appends values in the wire format.
type writer struct{ b []byte }

func (w *writer) align(n int) {
	for len(w.b)%n != 0 {
		w.b = append(w.b, 0)
	}
}

func (w *writer) number(n uint32) {
	w.align(4)
	w.b = binary.LittleEndian.AppendUint32(w.b, n)
}

func (w *writer) text(s string) {
	w.number(uint32(len(s)))
	w.b = append(append(w.b, s...), 0)
}

func (w *writer) signature(s string) {
	w.b = append(w.b, byte(len(s)))
	w.b = append(append(w.b, s...), 0)
}

func (w *writer) field(code, kind byte, value string) {
	w.align(8)
	w.b = append(w.b, code)
	w.signature(string(kind))
	if kind == 'g' {
		w.signature(value)
		return
	}
	w.text(value)
}

// reply is what matters of a message that was received.
type reply struct {
	serial  uint32 // of the call it answers; 0: of none
	failure string // the name of the error; empty: none
	text    string // the first value, if that is a text
}

// decode reads a message.
func decode(packet []byte) (reply, error) {
	var out reply
	if len(packet) < 16 {
		return out, errShort
	}
	kind, end := packet[1], 16+int(binary.LittleEndian.Uint32(packet[12:]))
	if end < 16 || end > len(packet) {
		return out, errShort
	}
	if kind != methodReturn && kind != methodError {
		return out, nil
	}
	r := reader{b: packet[:end], at: 16}
	signature := ""
	for r.err == nil && r.at < end {
		r.field(&out, &signature)
	}
	if r.err != nil {
		return out, r.err
	}
	body := reader{b: packet[min((end+7)&^7, len(packet)):]}
	out.text = body.value(signature)
	return out, body.err
}

var errShort = errors.New("the bus sends a message that ends too early")

// reader takes values in the wire format. After the first error all are zero.
type reader struct {
	b   []byte
	at  int
	err error
}

func (r *reader) take(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.b)-r.at {
		r.err = errShort
		return nil
	}
	r.at += n
	return r.b[r.at-n : r.at]
}

func (r *reader) align(n int) { r.take((n - r.at%n) % n) }

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) number() uint32 {
	r.align(4)
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) text() string {
	s := string(r.take(int(r.number())))
	r.take(1)
	return s
}

func (r *reader) signature() string {
	s := string(r.take(int(r.byte())))
	r.take(1)
	return s
}

// field takes a field of a header.
func (r *reader) field(out *reply, signature *string) {
	r.align(8)
	code, kind := r.byte(), r.signature()
	switch {
	case code == fieldReplySerial && kind == "u":
		out.serial = r.number()
	case code == fieldErrorName && kind == "s":
		out.failure = r.text()
	case kind == "g":
		*signature = r.signature()
	case kind == "s", kind == "o":
		r.text()
	case kind == "u":
		r.number()
	case r.err == nil:
		r.err = fmt.Errorf("the bus sends a header field of type %q", kind)
	}
}

// value takes the first value of a signature as text, out of a variant if it is
// in one.
func (r *reader) value(signature string) string {
	if strings.HasPrefix(signature, "v") {
		signature = r.signature()
	}
	if strings.HasPrefix(signature, "s") {
		return r.text()
	}
	return ""
}
