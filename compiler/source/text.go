package source

// Text is a scalar of a YAML document: its decoded value, and where each byte
// of that value stands in the file.
type Text struct {
	Value string
	Span  Span
	// offsets[i] is the offset in the file of the byte Value[i]; nil when
	// the value stands in the file byte for byte, from Span.Start on.
	offsets []int
	// opaque means that only the whole is known to stand at Span.
	opaque bool
}

// NewText returns a text. offsets[i] is where the byte value[i] stands in the
// file; nil means that the value stands there byte for byte from span.Start
// on. Offsets of another length than the value are not trusted: every part of
// the text then stands at span.
func NewText(value string, span Span, offsets []int) Text {
	if offsets != nil && len(offsets) != len(value) {
		return Opaque(value, span)
	}
	return Text{Value: value, Span: span, offsets: offsets}
}

// Opaque returns a text of which every part stands at the whole span.
func Opaque(value string, span Span) Text {
	return Text{Value: value, Span: span, opaque: true}
}

// Synthetic returns a text that stands nowhere, such as a default.
func Synthetic(value string) Text { return Text{Value: value} }

// IsZero reports whether the text was neither written nor given a default.
func (t Text) IsZero() bool { return t.Value == "" && t.Span.File == nil }

// String returns the value.
func (t Text) String() string { return t.Value }

// Slice returns where Value[start:end] stands in the file. Bounds outside the
// value are moved to its nearest end; an empty range is a point.
func (t Text) Slice(start, end int) Span {
	if t.Span.File == nil || t.opaque || t.Value == "" {
		return t.Span
	}
	start, end = t.clamp(start, end)
	from := t.offset(start)
	if start == end {
		return Span{File: t.Span.File, Start: from, End: from}
	}
	to := max(from, t.after(end-1))
	return Span{File: t.Span.File, Start: from, End: to}
}

// Sub returns Value[start:end] as a text of its own.
func (t Text) Sub(start, end int) Text {
	start, end = t.clamp(start, end)
	sub := Text{Value: t.Value[start:end], Span: t.Slice(start, end), opaque: t.opaque}
	if t.offsets != nil {
		sub.offsets = t.offsets[start:end:end]
	}
	return sub
}

func (t Text) clamp(start, end int) (int, int) {
	start = max(0, min(start, len(t.Value)))
	return start, max(start, min(end, len(t.Value)))
}

// offset is where Value[i] stands; i may be len(Value).
func (t Text) offset(i int) int {
	switch {
	case t.offsets == nil:
		return t.Span.Start + i
	case i < len(t.offsets):
		return t.offsets[i]
	default:
		return t.after(len(t.offsets) - 1)
	}
}

// after is the offset of the byte that follows Value[i] in the file. An
// escape such as \u00e9 is longer in the file than in the value, as is a folded
// line break: it ends where the next byte of the value begins.
func (t Text) after(i int) int {
	if t.offsets == nil {
		return t.Span.Start + i + 1
	}
	from := t.offsets[i]
	if from >= len(t.Span.File.Data) || t.Span.File.Data[from] == t.Value[i] {
		return min(from+1, len(t.Span.File.Data))
	}
	for _, next := range t.offsets[i+1:] {
		if next > from {
			return next
		}
	}
	return max(from+1, t.Span.End)
}
