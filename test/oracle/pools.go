package oracle

// The values that literals and objects are made of: few, so that they meet, and
// odd, so that the edges of every operation are among them.
var (
	keys  = []string{"a", "b", "env", "a-b", "x", "in", "kubernetes.io/name"}
	words = []string{"", "a", "b", "ab", "A b", "aba", "1", "-7", "007", "1.5", "true", "false", "1Gi", "500m", "100", "1Gx", "é",
		"10.0.0.1", "::1", "10.0.0.0/8", "10.1.2.3/16", "2020-01-01T00:00:00Z", "1h30m", "30s", "http://a.b:80/x?q=1", "/p", "NaN", "1e3",
		"9223372036854775807", "'", " a ", "a,b", ",", "nginx", "docker.io/library/nginx:1.2", "*", "x", "env", "a-b", "IPv4", "Always"}
	ints          = []int64{0, 1, 2, 3, -1, -2, 7, 10, 100, 1 << 31, 1073741824}
	doubles       = []float64{0, 1, 2, 1.5, -1.5, 0.25, 3, 1e3, 1e300, -1}
	patterns      = []string{"^a", "b?$", `\d+`, "^$", "a|b", "[^a]", `^\s`, "(a)(b)?", ".", "é"}
	timeTexts     = []string{"2020-01-01T00:00:00Z", "2020-01-01T01:00:00+01:00", "2026-06-30T23:59:59Z", "1999-12-31T23:59:59.5Z"}
	durationTexts = []string{"30s", "1h30m", "90m", "1.5h", "-5m", "100ms", "0s", "720h", "1h30m0s"}
	quantityTexts = []string{"1Gi", "1024Mi", "500m", "0.5", "1", "2", "100", "1e3", "0", "-1", "1500m", "1073741824", "2k"}
	base64Texts   = []string{"", "YQ==", "YWI=", "MTIz"}
)

// images are references, and what is none for one reason each.
var images = []string{"nginx", "nginx:1.2", "a/b", "docker.io/nginx", "index.docker.io/a/b:1", "ghcr.io/a/b/c:v1.2_3-x@" + sha, "GHCR.io/a",
	"a@" + sha, "localhost/a", "localhost", "localhost:5000/a:1", "[::1]:5000/a", "10.0.0.1/a", "A/b", "reg:5000/a/b", "a__b", "a--b/c", "a.b_c",
	"a..b", "a___b", "a.-b", "-a.io/b", "a-.io/b", "a..io/b", "UPPER", "a:", "a@", "/a", "a/", "a//b", "a:-1", "a@sha256:12", "a:1/b", "a b",
	"a@SHA256:0123456789abcdef0123456789abcdef", "a@x+y:0123456789abcdef0123456789ABCDEF", "a@x++y:0123456789abcdef0123456789abcdef"}

const sha = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
