package expr
import ("testing";"math/rand";"github.com/policyc/policyc/compiler/code";"encoding/json")
func TestZZ(t *testing.T){
 g := &generator{Rand: rand.New(rand.NewSource(7059)), core: true}
 text := g.bool(1 + g.Intn(4))
 env:=testEnvs[30]()
 _=text
 for range 6 { in:=g.input()
  w,_:=means(text,in)
  for _,x:=range []string{text,"has(oldObject.port)","oldObject.port","object.ncnt","object.ncnt.orValue(oldObject.lints[object.matrix[0][1]])", "(oldObject.ntags.exists_one(x, oldObject.nflag) ? (object.imap.x + object.lints[1]) : oldObject.lint.orValue(object.nums[0]))"} {
  n,_:=checkText(env.scope,x); c,_:=lowerText(n); p:=compileLowered(t,env,30,x,c); o,_,e:=p.Eval(in); t.Log(w,x,code.Print(c),o,e)
  if x==text && (o.Value()==w) {break}
  }
  j,_:=json.Marshal(in); _=j
 }
}
