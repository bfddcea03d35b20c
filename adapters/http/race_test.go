package httpapi_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
)

func TestOneAddressRegisteredManyTimesAtOnce(t *testing.T) {
	w := setup(t)
	statuses := map[int]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 32 {
		spelling := []string{"ada@example.org", "ADA@example.org", "Ada@Example.ORG", "ａda@example.org"}[i%4]
		wg.Go(func() {
			a := w.anonymous().post("/api/auth/register", object{
				"email": spelling, "first_name": "A", "last_name": "B", "password": fmt.Sprintf("a password, the %d.", i),
			})
			mu.Lock()
			defer mu.Unlock()
			statuses[a.status]++
		})
	}
	wg.Wait()
	if statuses[http.StatusCreated] != 1 || statuses[http.StatusConflict] != 31 {
		t.Errorf("got %v", statuses)
	}
}

func TestARefreshTokenSpentManyTimesAtOnce(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	won := make(chan answer, 8)
	var wg sync.WaitGroup
	for range cap(won) {
		wg.Go(func() {
			if a := w.anonymous().post("/api/auth/refresh", object{"refresh_token": ada.refresh}); a.status == http.StatusOK {
				won <- a
			} else {
				a.wantError(http.StatusUnauthorized, "UNAUTHORIZED")
			}
		})
	}
	wg.Wait()
	close(won)
	if n := len(won); n != 1 {
		t.Errorf("%d won", n)
	}
	ada.get("/api/users/me").want(http.StatusUnauthorized) // the others were reuse: the session is over
}
