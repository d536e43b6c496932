package manager

import (
	"bytes"
	"log"

	"github.com/go-logr/logr"
)

// discardHandshakes is the log of an http.Server, without what anyone who opens a connection and closes it (a probe, a
// scanner) would write there.
func discardHandshakes(to logr.Logger) *log.Logger { return log.New(serverLog{to}, "", 0) }

type serverLog struct{ to logr.Logger }

func (l serverLog) Write(line []byte) (int, error) {
	text := string(bytes.TrimSpace(line))
	if bytes.HasPrefix(line, []byte("http: TLS handshake error")) {
		l.to.V(1).Info(text)
	} else {
		l.to.Info(text)
	}
	return len(line), nil
}
