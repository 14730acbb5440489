package wiretap

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// Router is a virtual router as the wire shows it.
type Router struct {
	Link int
	From netip.Addr
	VRID uint8
}

// Adverts groups the adverts of a recording by their virtual router, without
// those of priority 0, which say good-bye.
func Adverts(packets []Packet) map[Router][]Packet {
	out := map[Router][]Packet{}
	for _, p := range packets {
		if p.Kind == Advert && p.Priority > 0 {
			r := Router{p.Link, p.From, p.VRID}
			out[r] = append(out[r], p)
		}
	}
	return out
}

// Deviations returns by how much each interval between two adverts of one
// router differed from the nominal one; late is positive.
func Deviations(packets []Packet, nominal time.Duration) []time.Duration {
	var out []time.Duration
	for _, series := range Adverts(packets) {
		for i := range len(series) - 1 {
			out = append(out, series[i+1].At.Sub(series[i].At)-nominal)
		}
	}
	return out
}

// Latest returns the largest lateness of an advert, at least 0.
func Latest(packets []Packet, nominal time.Duration) time.Duration {
	var worst time.Duration
	for _, d := range Deviations(packets, nominal) {
		worst = max(worst, d)
	}
	return worst
}

// Burst returns the largest share, 0 to 1, of the adverts of one interval that
// fell into one slot of it, on the average over the whole intervals recorded.
// An even spread gives slot divided by interval, one burst gives 1.
func Burst(packets []Packet, interval, slot time.Duration) float64 {
	adverts := slices.DeleteFunc(slices.Clone(packets), func(p Packet) bool { return p.Kind != Advert })
	if len(adverts) == 0 {
		return 0
	}
	start, end := adverts[0].At, adverts[len(adverts)-1].At
	whole := int(end.Sub(start) / interval)
	if whole == 0 {
		return 1
	}
	return burst(adverts, start, whole, interval, slot)
}

func burst(adverts []Packet, start time.Time, whole int, interval, slot time.Duration) float64 {
	perInterval := int(interval / slot)
	slots, totals := make([]int, whole*perInterval), make([]int, whole)
	for _, p := range adverts {
		if n := int(p.At.Sub(start) / slot); n < len(slots) {
			slots[n]++
			totals[n/perInterval]++
		}
	}
	var sum float64
	for i, total := range totals {
		sum += float64(slices.Max(slots[i*perInterval:(i+1)*perInterval])) / float64(max(total, 1))
	}
	return sum / float64(whole)
}

// Quantile returns the value below which the share q of the sorted copy of
// values lies; the zero value if there are none.
func Quantile[T cmp.Ordered](values []T, q float64) T {
	if len(values) == 0 {
		return *new(T)
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
