package relay

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/host"
	"holdfast/internal/router"
)

// filled sets every field below v to a value of its own, so that a field that
// is not coded shows.
func filled(v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case netip.Addr:
		a := netip.AddrFrom4([4]byte{10, 0, 1, byte(*n)})
		if *n%2 == 0 {
			a = netip.AddrFrom16([16]byte{0xfd, 15: byte(*n)})
		}
		v.Set(reflect.ValueOf(a))
		return
	case netip.Prefix:
		v.Set(reflect.ValueOf(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 2, byte(*n)}), *n%33)))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		filled(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			filled(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			filled(v.Index(i), n)
		}
	case reflect.String:
		v.SetString("text " + string(rune('a'+*n%26)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(*n) - 40) // some are negative
	default:
		v.SetUint(uint64(*n % 250))
	}
}

// seen are fields of an address that the kernel reports and nobody configures.
func seen(p cmp.Path) bool {
	if p.Index(-2).Type() != reflect.TypeFor[host.AddrOpts]() {
		return false
	}
	switch p.Last().String() {
	case ".Protocol", ".Tentative", ".DADFailed", ".Secondary", ".Order":
		return true
	}
	return false
}

func TestEveryFieldOfAConfigurationCrosses(t *testing.T) {
	var c router.Config
	n := 0
	filled(reflect.ValueOf(&c).Elem(), &n)
	got, err := decode(encode(&c))
	if err != nil {
		t.Fatal(err)
	}
	comparers := []cmp.Option{
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
		cmp.FilterPath(seen, cmp.Ignore()),
	}
	if diff := cmp.Diff(&c, got, comparers...); diff != "" {
		t.Error(diff)
	}
}

func TestAnEmptyConfigurationCrosses(t *testing.T) {
	got, err := decode(encode(&router.Config{}))
	if err != nil || !reflect.DeepEqual(got, &router.Config{}) {
		t.Errorf("decoded %+v, %v", got, err)
	}
}

func TestAConfigurationThatIsCutShortIsAnError(t *testing.T) {
	var c router.Config
	n := 0
	filled(reflect.ValueOf(&c).Elem(), &n)
	whole := encode(&c)
	for i := range whole {
		if _, err := decode(whole[:i]); err == nil {
			t.Errorf("%d of %d bytes decode without an error", i, len(whole))
		}
	}
	if _, err := decode(append(whole, 0)); err == nil {
		t.Error("a byte too many decodes without an error")
	}
}

func FuzzDecode(f *testing.F) {
	var c router.Config
	n := 0
	filled(reflect.ValueOf(&c).Elem(), &n)
	f.Add(encode(&c))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := decode(b); err == nil {
			if _, err := decode(encode(c)); err != nil {
				t.Errorf("what was decoded does not cross again: %v", err)
			}
		}
	})
}
