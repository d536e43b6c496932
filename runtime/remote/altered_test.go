package remote

import (
	"encoding/json"
	"testing"
)

func TestAltered(t *testing.T) {
	for _, test := range []struct{ have, kept, want string }{
		{`{"spec":{"a":1,"b":[{"c":"x"}],"m":{},"e":""},"status":{"s":1},"metadata":{"x":1}}`, `{"spec":{"a":1,"b":[{"c":"x","d":1}]}}`, ""},
		{`{"spec":{"cpu":1,"memory":"1024Mi","zone":"a"}}`, `{"spec":{"cpu":"1","memory":"1Gi","zone":"b"}}`, "spec.zone"},
		{`{"spec":{"hostUsers":false}}`, `{"spec":{}}`, "spec.hostUsers"},
		{`{"spec":{"b":[{"c":"x"},{"c":"y"}]}}`, `{"spec":{"b":[{"c":"x"},{}]}}`, "spec.b[1].c"},
		{`{"spec":{"b":[1,2]}}`, `{"spec":{"b":[1]}}`, "spec.b"},
		{`{"data":{"a":"x"}}`, `{}`, "data.a"},
	} {
		var have, kept map[string]any
		if json.Unmarshal([]byte(test.have), &have) != nil || json.Unmarshal([]byte(test.kept), &kept) != nil {
			t.Fatal(test)
		}
		if got := alteredField(have, kept); got != test.want {
			t.Errorf("%s in %s: got %q", test.have, test.kept, got)
		}
	}
}
