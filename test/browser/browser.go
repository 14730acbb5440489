// Package browser drives a real Chromium for tests, by its DevTools protocol over a pipe. It looks
// at the page as a person does: what is there, what it is called, what keys do.
package browser

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"holdfast/test/need"
	"holdfast/test/wait"
)

// Browser is one that runs, with one page.
type Browser struct {
	testing.TB
	out     *os.File
	session string

	mu      sync.Mutex
	last    int
	waiting map[int]chan answer
	said    []string // by the page, on its console, and what was thrown in it
	ended   chan struct{}
}

// answer is what comes of a command.
type answer struct {
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// message is anything that the browser says.
type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	answer
}

// Start starts a browser, which ends with the test. It knows no host but this machine.
func Start(t testing.TB, flags ...string) *Browser {
	t.Helper()
	need.Programs(t, "chromium")
	in, theirs, err := os.Pipe()
	must(t, err)
	ours, out, err := os.Pipe()
	must(t, err)
	// What it writes lies outside of the folder of the test: its last processes write after its end.
	home, err := os.MkdirTemp("", "holdfast-browser-")
	must(t, err)
	cmd := exec.Command("chromium", append([]string{
		"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe", "--hide-scrollbars", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions", "--force-color-profile=srgb", "--lang=en",
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost", "--user-data-dir=" + home,
	}, flags...)...)
	cmd.ExtraFiles = []*os.File{ours, theirs}
	must(t, cmd.Start())
	_, _ = ours.Close(), theirs.Close()
	b := &Browser{TB: t, out: out, waiting: map[int]chan answer{}, ended: make(chan struct{})}
	go b.listen(in)
	t.Cleanup(func() {
		_ = out.Close()
		b.bury(cmd)
		_ = in.Close()
		_ = os.RemoveAll(home)
	})
	b.open()
	return b
}

// bury waits for the end of the browser, which ends when nobody writes to it any more.
func (b *Browser) bury(cmd *exec.Cmd) {
	late := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	_ = cmd.Wait()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open makes the page.
func (b *Browser) open() {
	b.Helper()
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network", "Accessibility"} {
		b.call(domain+".enable", nil, nil)
	}
	b.Size(1440, 900)
}

// listen hands on what the browser says, until it ends.
func (b *Browser) listen(in *os.File) {
	defer close(b.ended)
	lines := bufio.NewReader(in)
	for {
		text, err := lines.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(text[:len(text)-1], &m) == nil {
			b.hear(&m)
		}
	}
}

func (b *Browser) hear(m *message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch m.Method {
	case "":
		if c := b.waiting[m.ID]; c != nil {
			c <- m.answer
			delete(b.waiting, m.ID)
		}
	case "Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled":
		b.said = append(b.said, m.Method+" "+string(m.Params))
	}
}

// deadline is for a single command.
const deadline = 30 * time.Second

// call has the browser do something, and waits for the answer.
func (b *Browser) call(method string, params, result any) {
	b.Helper()
	must(b, b.try(method, params, result))
}

func (b *Browser) try(method string, params, result any) error {
	b.mu.Lock()
	b.last++
	id, got := b.last, make(chan answer, 1)
	b.waiting[id] = got
	b.mu.Unlock()
	command := map[string]any{"id": id, "method": method}
	if params != nil {
		command["params"] = params
	}
	if b.session != "" {
		command["sessionId"] = b.session
	}
	text, err := json.Marshal(command)
	if err == nil {
		_, err = b.out.Write(append(text, 0))
	}
	if err != nil {
		return fmt.Errorf("tell the browser %s: %w", method, err)
	}
	select {
	case a := <-got:
		if a.Error != nil {
			return fmt.Errorf("%s: %s", method, a.Error.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(a.Result, result)
	case <-b.ended:
		return errors.New("the browser has ended")
	case <-time.After(deadline):
		return fmt.Errorf("%s: no answer in %s", method, deadline)
	}
}

// Go opens a page.
func (b *Browser) Go(url string) {
	b.Helper()
	var r struct{ ErrorText string }
	b.call("Page.navigate", map[string]any{"url": url}, &r)
	if r.ErrorText != "" {
		b.Fatalf("%s: %s", url, r.ErrorText)
	}
}

// Size makes the window so large.
func (b *Browser) Size(width, height int) {
	b.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
}

// Prefer says what the person prefers, as in prefers-color-scheme: dark.
func (b *Browser) Prefer(feature, value string) {
	b.Helper()
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": feature, "value": value}}}, nil)
}

// Eval is the value of an expression on the page; a promise is waited for.
func (b *Browser) Eval(expression string, value any) {
	b.Helper()
	must(b, b.eval(expression, value))
}

func (b *Browser) eval(expression string, value any) error {
	var r struct {
		Result struct {
			Value json.RawMessage
		}
		ExceptionDetails *struct {
			Exception struct{ Description string }
		}
	}
	err := b.try("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true, "allowUnsafeEvalBlockedByCSP": false}, &r)
	switch {
	case err != nil:
		return err
	case r.ExceptionDetails != nil:
		return errors.New(r.ExceptionDetails.Exception.Description)
	case value == nil || r.Result.Value == nil:
		return nil
	}
	return json.Unmarshal(r.Result.Value, value)
}

// Text is what a part of the page says, as it is seen.
func (b *Browser) Text(selector string) (text string) {
	b.Helper()
	_ = b.eval(fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector), &text) // there may be none yet
	return text
}

// True waits until an expression holds.
func (b *Browser) True(within time.Duration, what, expression string) {
	b.Helper()
	holds := func() (ok bool) { return b.eval("Boolean("+expression+")", &ok) == nil && ok }
	wait.For(b, within, what, holds, func() string { return fmt.Sprintf("%s\nit says:\n%s", b.Complaints(), b.Text("body")) })
}

// Key presses a key as a person does: Tab, Enter, Escape, or a letter.
func (b *Browser) Key(name string) {
	b.Helper()
	codes := map[string]int{"Tab": 9, "Enter": 13, "Escape": 27, " ": 32}
	key := map[string]any{"key": name, "windowsVirtualKeyCode": codes[name]}
	if codes[name] == 0 || name == " " {
		key["text"] = name
	}
	if name == "Enter" {
		key["text"] = "\r"
	}
	key["type"] = "keyDown"
	b.call("Input.dispatchKeyEvent", key, nil)
	delete(key, "text")
	key["type"] = "keyUp"
	b.call("Input.dispatchKeyEvent", key, nil)
}

// Type writes into what has the focus.
func (b *Browser) Type(text string) {
	b.Helper()
	b.call("Input.insertText", map[string]any{"text": text}, nil)
}

// Thing is what a screen reader is told of.
type Thing struct {
	Role, Name string
}

// Tree is all that a screen reader is told, in its order.
func (b *Browser) Tree() (list []Thing) {
	b.Helper()
	type value struct{ Value any }
	var r struct {
		Nodes []struct {
			Ignored    bool
			Role, Name value
		}
	}
	b.call("Accessibility.getFullAXTree", nil, &r)
	for _, n := range r.Nodes {
		if !n.Ignored {
			list = append(list, Thing{fmt.Sprint(n.Role.Value), fmt.Sprint(n.Name.Value)})
		}
	}
	return list
}

// Picture is a PNG of the window.
func (b *Browser) Picture() []byte {
	b.Helper()
	var r struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"format": "png"}, &r)
	png, err := base64.StdEncoding.DecodeString(r.Data)
	must(b, err)
	return png
}

// Complaints is what was thrown, and what the browser refused.
func (b *Browser) Complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.said...)
}
