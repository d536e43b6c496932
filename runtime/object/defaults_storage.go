package object

import (
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
)

func storageRules() []rule {
	return []rule{
		of(func(c *storagev1.StorageClass) {
			setPointer(&c.ReclaimPolicy, corev1.PersistentVolumeReclaimDelete)
			setPointer(&c.VolumeBindingMode, storagev1.VolumeBindingImmediate)
		}),
		of(func(s *storagev1.CSIDriverSpec) {
			setPointer(&s.AttachRequired, true)
			setPointer(&s.PodInfoOnMount, false)
			setPointer(&s.StorageCapacity, false)
			setPointer(&s.RequiresRepublish, false)
			setPointer(&s.SELinuxMount, false)
			setPointer(&s.PreventPodSchedulingIfMissing, false) // since 1.37
			setPointer(&s.FSGroupPolicy, storagev1.ReadWriteOnceWithFSTypeFSGroupPolicy)
			if len(s.VolumeLifecycleModes) == 0 {
				s.VolumeLifecycleModes = []storagev1.VolumeLifecycleMode{storagev1.VolumeLifecyclePersistent}
			}
		}),
	}
}
