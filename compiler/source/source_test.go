package source

import "testing"

func TestPosition(t *testing.T) {
	f := NewFile("a.yaml", []byte("\ufeffab\ncé€d\r\n\r\nx\ry"))
	cases := []struct {
		offset       int
		line, column int
	}{
		{0, 1, 1}, {3, 1, 1}, {4, 1, 2}, {5, 1, 3}, // a b LF
		{6, 2, 1}, {7, 2, 2}, {9, 2, 3}, {12, 2, 4}, // c é € d
		{15, 3, 1}, {17, 4, 1}, {19, 5, 1}, {20, 5, 2},
		{-5, 1, 1}, {99, 5, 2},
	}
	for _, c := range cases {
		if got := f.Position(c.offset); got != (Position{c.line, c.column}) {
			t.Errorf("Position(%d) = %v, want %d:%d", c.offset, got, c.line, c.column)
		}
	}
}

func TestLine(t *testing.T) {
	f := NewFile("a.yaml", []byte("\ufeffab\ncd\r\n\nx"))
	for n, want := range map[int]string{0: "", 1: "ab", 2: "cd", 3: "", 4: "x", 5: ""} {
		if got := f.Line(n); got != want {
			t.Errorf("Line(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestEmptyFile(t *testing.T) {
	f := NewFile("a.yaml", nil)
	if got := (Span{File: f}).String(); got != "a.yaml:1:1" {
		t.Errorf("got %q", got)
	}
	if got := (Span{}).String(); got != "" || !(Span{}).IsZero() {
		t.Errorf("the zero span is %q", got)
	}
}

// The text aéb, with é written as an escape of six bytes.
func TestSliceWithOffsets(t *testing.T) {
	f := NewFile("a.yaml", []byte(`k: "a\u00e9b"`))
	text := NewText("aéb", Span{f, 4, 12}, []int{4, 5, 5, 11})
	cases := []struct{ start, end, from, to int }{
		{0, 1, 4, 5},
		{1, 3, 5, 11}, // the whole escape
		{3, 4, 11, 12},
		{0, 4, 4, 12},
		{4, 4, 12, 12},
		{-1, 99, 4, 12},
		{3, 1, 11, 11},
	}
	for _, c := range cases {
		if got := text.Slice(c.start, c.end); got.Start != c.from || got.End != c.to {
			t.Errorf("Slice(%d, %d) = [%d, %d), want [%d, %d)", c.start, c.end, got.Start, got.End, c.from, c.to)
		}
	}
	sub := text.Sub(1, 4)
	if got := sub.Slice(2, 3); sub.Value != "éb" || got.Start != 11 || got.End != 12 {
		t.Errorf("Sub(1, 4) = %q, its b at %v", sub.Value, got)
	}
}

func TestTextWithoutOffsets(t *testing.T) {
	f := NewFile("a.yaml", []byte("k: a.b.c"))
	text := NewText("a.b.c", Span{f, 3, 8}, nil)
	if got := text.Slice(2, 3); got.Start != 5 || got.End != 6 {
		t.Errorf("got %v", got)
	}
	if got := text.Sub(2, 5).Sub(2, 3); got.Value != "c" || got.Span.Start != 7 {
		t.Errorf("got %+v", got)
	}
	wrong := NewText("abc", Span{f, 3, 8}, []int{1})
	if got := wrong.Slice(1, 2); got != wrong.Span {
		t.Errorf("offsets of another length were trusted: %v", got)
	}
}

func TestSynthetic(t *testing.T) {
	text := Synthetic("audit")
	if text.IsZero() || text.String() != "audit" || !text.Slice(0, 3).IsZero() {
		t.Errorf("got %+v", text)
	}
	if !(Text{}).IsZero() {
		t.Error("the zero text is not zero")
	}
}
