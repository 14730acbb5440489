package web

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// pictures are drawn anew with this flag. They differ from machine to machine by its fonts.
var pictures = flag.Bool("pictures", false, "draw the pictures of the documentation anew")

const pictureDir = "../../doc/pictures"

// draw takes a picture of the page for the documentation.
func (s *scene) draw(name string) {
	s.Helper()
	if png := s.Picture(); *pictures {
		s.must(os.MkdirAll(pictureDir, 0o755))
		s.must(os.WriteFile(filepath.Join(pictureDir, name), png, 0o644))
	}
	if info, err := os.Stat(filepath.Join(pictureDir, name)); err != nil || info.Size() < 10_000 {
		s.Errorf("the documentation lacks the picture %s: go test ./test/web -pictures draws it", name)
	}
}

func (s *scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func TestThePagePleasesInLightAndDark(t *testing.T) {
	s := pair(t)
	s.Size(1600, 1330)
	s.says("#cluster", "lb1 ● present")
	points := 4
	if *pictures {
		points = 58 // a graph that is full
	}
	s.True(2*time.Minute, "the graphs have begun", fmt.Sprintf(`document.querySelector('.spark polyline')?.getAttribute('points').split(' ').length > %d`, points))
	for _, colours := range []string{"light", "dark"} {
		s.Prefer("prefers-color-scheme", colours)
		s.draw("page-" + colours + ".png")
	}
	s.press("Why is db BACKUP on lb1?")
	s.says("#detail", "what would change that:")
	s.Size(1600, 900)
	s.draw("page-why.png")
	s.clean()
}
