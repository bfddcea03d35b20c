package postgres

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// identity is the user PostgreSQL runs as.
type identity struct {
	uid, gid   uint32
	credential *syscall.Credential // nil: our own
}

// chooseIdentity returns our own user, or an unprivileged one if we are root.
func chooseIdentity(dataDir string) (identity, error) {
	owner, exists, err := ownerOf(dataDir)
	if err != nil {
		return identity{}, err
	}
	uid := os.Geteuid()
	if uid != 0 {
		if exists && int(owner.uid) != uid {
			return identity{}, fmt.Errorf("%s belongs to user %d, not to user %d who runs this", dataDir, owner.uid, uid)
		}
		return identity{uid: uint32(uid), gid: uint32(os.Getegid())}, nil //nolint:gosec // ids are not negative here
	}
	if exists && owner.uid != 0 {
		return owner.asChild(), nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if id, err := lookUp(name); err == nil {
			return id.asChild(), nil
		}
	}
	return identity{}, errors.New("PostgreSQL refuses to run as root, and there is neither a user postgres nor a user nobody")
}

func (id identity) asChild() identity {
	id.credential = &syscall.Credential{Uid: id.uid, Gid: id.gid}
	return id
}

func ownerOf(path string) (identity, bool, error) {
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		return identity{}, false, nil
	}
	if err != nil {
		return identity{}, false, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}, false, nil
	}
	return identity{uid: stat.Uid, gid: stat.Gid}, true, nil
}

func lookUp(name string) (identity, error) {
	account, err := user.Lookup(name)
	if err != nil {
		return identity{}, err
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return identity{}, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return identity{}, err
	}
	return identity{uid: uint32(uid), gid: uint32(gid)}, nil
}

// own hands path over to the identity.
func (id identity) own(path string) error {
	if id.credential == nil {
		return nil
	}
	return os.Chown(path, int(id.uid), int(id.gid))
}
