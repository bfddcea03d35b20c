package roles

import (
	"os"
	"os/user"
	"strconv"

	"github.com/cartulary/cartulary/command"
)

// operator returns who runs this program where, as the machine tells.
func operator() command.Operator {
	o := command.Operator{Account: "user " + strconv.Itoa(os.Getuid())} // that has no name, as in many containers
	if u, err := user.Current(); err == nil && u.Username != "" {
		o.Account = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		o.Host = host
	}
	return o
}
