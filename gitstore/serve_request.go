package gitstore

import (
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
)

const maxWants = 256

// uploadRequest is what a client of git-upload-pack (protocol v0) asks for in
// one request: over http it repeats everything each time.
type uploadRequest struct {
	wants, haves []Hash
	capabilities map[string]bool
	done         bool
}

func readUploadRequest(r io.Reader) (*uploadRequest, error) {
	q := &uploadRequest{capabilities: map[string]bool{}}
	lines := pktline.NewScanner(r)
	for lines.Scan() {
		line := strings.TrimSuffix(string(lines.Bytes()), "\n")
		if line == "" {
			continue // a flush ends the wants, or a round of haves
		}
		if err := q.addLine(line); err != nil {
			return nil, err
		}
		if q.done {
			return q, nil
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("the request does not speak git's protocol: %w", err)
	}
	return q, nil
}

func (q *uploadRequest) addLine(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "want":
		hex, capabilities, _ := strings.Cut(rest, " ")
		for _, c := range strings.Fields(capabilities) {
			q.capabilities[c] = true
		}
		if len(q.wants) == maxWants {
			return fmt.Errorf("more than %d wants", maxWants)
		}
		return appendHash(&q.wants, hex)
	case "have":
		return appendHash(&q.haves, rest)
	case "done":
		q.done = true
		return nil
	}
	return fmt.Errorf("%.60q is not known here; shallow and partial clones are not served", line)
}

func appendHash(list *[]Hash, hex string) error {
	id, err := ParseHash(hex)
	if err == nil {
		*list = append(*list, id)
	}
	return err
}

// answer writes the acknowledgements, and tells whether a pack follows. Once a
// single commit is common there is no use in hearing of more: on one branch the
// newest common one comes first.
func (q *uploadRequest) answer(common []Hash, to *pktline.Encoder) (pack bool, err error) {
	detailed := q.capabilities["multi_ack_detailed"]
	if q.done {
		if len(common) == 0 {
			return true, to.EncodeString("NAK\n")
		}
		return true, to.Encodef("ACK %s\n", common[len(common)-1])
	}
	if len(common) == 0 {
		return false, to.EncodeString("NAK\n")
	}
	if !detailed {
		return false, to.Encodef("ACK %s\n", common[0])
	}
	last := common[len(common)-1]
	for _, id := range common {
		if err := to.Encodef("ACK %s common\n", id); err != nil {
			return false, err
		}
	}
	if err := to.Encodef("ACK %s ready\n", last); err != nil {
		return false, err
	}
	if err := to.EncodeString("NAK\n"); err != nil || !q.capabilities["no-done"] {
		return false, err
	}
	return true, to.Encodef("ACK %s\n", last)
}
