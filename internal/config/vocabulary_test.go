package config

import "testing"

// What every reading pays before its first line.
func BenchmarkVocabulary(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		newVocabulary()
	}
}
