package object

import rbacv1 "k8s.io/api/rbac/v1"

func accessRules() []rule {
	return []rule{
		of(func(r *rbacv1.RoleRef) { setDefault(&r.APIGroup, rbacv1.GroupName) }),
		of(func(s *rbacv1.Subject) {
			if s.Kind == rbacv1.UserKind || s.Kind == rbacv1.GroupKind {
				setDefault(&s.APIGroup, rbacv1.GroupName)
			}
		}),
	}
}
