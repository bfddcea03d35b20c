package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// readModels checks I5: each table holds exactly the rows that follow from the
// ledger.
func (f *findings) readModels(s Snapshot, m models) {
	f.tables("saas_platform", PlatformTables(), m.platform, s.Platform)
	for _, name := range slices.Sorted(maps.Keys(m.databases)) {
		if got, ok := s.Databases[name]; ok {
			f.tables(name, TenantTables(), m.databases[name], got)
		}
	}
}

func (f *findings) tables(database string, tables []Table, want, got Tables) {
	for _, t := range tables {
		for _, key := range slices.Sorted(maps.Keys(want[t.Name])) {
			row, ok := got[t.Name][key]
			if !ok {
				f.add("I5", Skipped, "%s.%s lacks %s", database, t.Name, key)
				continue
			}
			if diff := t.diff(want[t.Name][key], row); diff != "" {
				f.add("I5", Wrong, "%s.%s %s: %s", database, t.Name, key, diff)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(got[t.Name])) {
			if _, ok := want[t.Name][key]; !ok {
				f.add("I5", Duplicated, "%s.%s has %s, which no event made", database, t.Name, key)
			}
		}
	}
}

// diff says in which columns two rows differ; "" if in none.
func (t Table) diff(want, got Row) string {
	var differences []string
	for _, column := range t.Columns {
		if want[column] != got[column] {
			differences = append(differences, fmt.Sprintf("%s is %q, not %q", column, got[column], want[column]))
		}
	}
	return strings.Join(differences, "; ")
}
