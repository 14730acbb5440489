// Package mib draws the objects of KEEPALIVED-MIB, VRRP-MIB (RFC 2787) and VRRPV3-MIB
// (RFC 6527) from one picture of the daemon, and words their notifications. It speaks
// to nobody.
package mib

import (
	"cmp"
	"slices"
	"sort"

	"holdfast/internal/agentx/wire"
)

// Tree is what can be asked for. Values are drawn when they are.
type Tree struct{ tables []table }

// table is one of a MIB, or a group of scalars, which is a table with one row.
type table struct {
	at      wire.OID // of the columns
	columns []column // ascending
	rows    []wire.OID
}

// column is one of a table. The zero Value says that a row has none.
type column struct {
	number uint32
	of     func(row int) wire.Value
}

// field is a column as tables are written: of rows of type T.
type field[T any] struct {
	number uint32
	of     func(*T) wire.Value
}

// row is an element of a table and its index.
type row[T any] struct {
	index wire.OID
	of    *T
}

// rowsOf numbers elements as they come, from 1, below an index.
func rowsOf[T any](list []T, below ...uint32) (rows []row[T]) {
	for i := range list {
		rows = append(rows, row[T]{wire.OID(below).Append(uint32(i + 1)), &list[i]})
	}
	return rows
}

// add adds a table whose entry is at. One without rows is left out.
func add[T any](t *Tree, at wire.OID, rows []row[T], fields []field[T]) {
	if len(rows) == 0 {
		return
	}
	slices.SortStableFunc(rows, func(a, b row[T]) int { return a.index.Compare(b.index) })
	next := table{at: at}
	for _, r := range rows {
		next.rows = append(next.rows, r.index)
	}
	slices.SortFunc(fields, func(a, b field[T]) int { return cmp.Compare(a.number, b.number) })
	for _, f := range fields {
		next.columns = append(next.columns, column{f.number, func(i int) wire.Value { return f.of(rows[i].of) }})
	}
	t.tables = append(t.tables, next)
}

// scalars adds objects that there are once, each with a 0 behind it.
func (t *Tree) scalars(at wire.OID, list ...scalar) {
	add(t, at, []row[struct{}]{{wire.OID{0}, nil}}, constants(list))
}

// scalar is an object that there is once.
type scalar struct {
	number uint32
	wire.Value
}

func constants(list []scalar) (fields []field[struct{}]) {
	for _, s := range list {
		fields = append(fields, field[struct{}]{s.number, func(*struct{}) wire.Value { return s.Value }})
	}
	return fields
}

// sorted puts the tables into the order of walks: none lies within another.
func (t *Tree) sorted() *Tree {
	slices.SortFunc(t.tables, func(a, b table) int { return a.first().Compare(b.first()) })
	return t
}

func (t *table) first() wire.OID { return t.at.Append(t.columns[0].number) }

// behind is the least identifier that is greater than all of the table.
func (t *table) behind() wire.OID { return t.at.Append(t.columns[len(t.columns)-1].number + 1) }

// Get is the value of an object.
func (t *Tree) Get(name wire.OID) wire.Value {
	found := t.Next(wire.Range{Start: name, Include: true})
	switch {
	case found.Kind != wire.EndOfView && found.Name.Compare(name) == 0:
		return found.Value
	case t.has(name):
		return wire.Value{Kind: wire.NoSuchInstance}
	}
	return wire.Value{Kind: wire.NoSuchObject}
}

// has reports whether the name is below a column.
func (t *Tree) has(name wire.OID) bool {
	return slices.ContainsFunc(t.tables, func(one table) bool {
		return one.at.Begins(name) && len(name) > len(one.at) &&
			slices.ContainsFunc(one.columns, func(c column) bool { return c.number == name[len(one.at)] })
	})
}

// Next is the first object of a range.
func (t *Tree) Next(r wire.Range) wire.Binding {
	i := sort.Search(len(t.tables), func(i int) bool { return t.tables[i].behind().Compare(r.Start) > 0 })
	for ; i < len(t.tables); i++ {
		if b, ok := t.tables[i].next(r); ok {
			if len(r.End) > 0 && b.Name.Compare(r.End) >= 0 {
				break
			}
			return b
		}
	}
	return wire.Binding{Name: r.Start, Value: wire.Value{Kind: wire.EndOfView}}
}

func (t *table) next(r wire.Range) (wire.Binding, bool) {
	for _, c := range t.columns {
		name := t.at.Append(c.number)
		if !name.Begins(r.Start) && name.Compare(r.Start) < 0 {
			continue // the column ends before the start
		}
		for i := t.from(name, r); i < len(t.rows); i++ {
			if v := c.of(i); v.Valid() {
				return wire.Binding{Name: name.Append(t.rows[i]...), Value: v}, true
			}
		}
	}
	return wire.Binding{}, false
}

// from is the first row of a column that is in the range.
func (t *table) from(column wire.OID, r wire.Range) int {
	if !column.Begins(r.Start) {
		return 0
	}
	rest := r.Start[len(column):]
	i, found := slices.BinarySearchFunc(t.rows, rest, wire.OID.Compare)
	if found && !r.Include {
		i++
	}
	return i
}
