package httpapi

import "github.com/cartulary/cartulary/query"

// pageOf reads the parameters of a list.
func pageOf(limit *Limit, cursor *Cursor, total *Total) query.Page {
	var page query.Page
	if limit != nil {
		page.Limit = *limit
	}
	if cursor != nil {
		page.Cursor = *cursor
	}
	page.Total = total != nil && *total
	return page
}

// nextCursor returns what the next page is asked for with; nil on the last one.
func nextCursor(next string) *string {
	if next == "" {
		return nil
	}
	return &next
}

// each maps a list.
func each[T, U any](list []T, f func(T) U) []U {
	mapped := make([]U, len(list))
	for i, v := range list {
		mapped[i] = f(v)
	}
	return mapped
}
