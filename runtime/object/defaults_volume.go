package object

import (
	"reflect"

	corev1 "k8s.io/api/core/v1"
)

func volumeRules() []rule {
	return []rule{
		of(func(v *corev1.Volume) {
			if reflect.ValueOf(v.VolumeSource).IsZero() {
				v.EmptyDir = &corev1.EmptyDirVolumeSource{}
			}
		}),
		of(func(s *corev1.ImageVolumeSource) { setDefault(&s.PullPolicy, pullPolicy(s.Reference)) }),
		of(func(s *corev1.SecretVolumeSource) { setPointer(&s.DefaultMode, corev1.SecretVolumeSourceDefaultMode) }),
		of(func(s *corev1.ConfigMapVolumeSource) {
			setPointer(&s.DefaultMode, corev1.ConfigMapVolumeSourceDefaultMode)
		}),
		of(func(s *corev1.DownwardAPIVolumeSource) {
			setPointer(&s.DefaultMode, corev1.DownwardAPIVolumeSourceDefaultMode)
		}),
		of(func(s *corev1.ProjectedVolumeSource) {
			setPointer(&s.DefaultMode, corev1.ProjectedVolumeSourceDefaultMode)
		}),
		of(func(s *corev1.ServiceAccountTokenProjection) { setPointer(&s.ExpirationSeconds, 3600) }),
		of(func(s *corev1.HostPathVolumeSource) { setPointer(&s.Type, corev1.HostPathUnset) }),
		of(func(s *corev1.ISCSIVolumeSource) { setDefault(&s.ISCSIInterface, "default") }),
		of(func(s *corev1.ISCSIPersistentVolumeSource) { setDefault(&s.ISCSIInterface, "default") }),
		of(func(s *corev1.RBDVolumeSource) {
			setDefault(&s.RBDPool, "rbd")
			setDefault(&s.RadosUser, "admin")
			setDefault(&s.Keyring, "/etc/ceph/keyring")
		}),
		of(func(s *corev1.RBDPersistentVolumeSource) {
			setDefault(&s.RBDPool, "rbd")
			setDefault(&s.RadosUser, "admin")
			setDefault(&s.Keyring, "/etc/ceph/keyring")
		}),
		of(func(s *corev1.ScaleIOVolumeSource) {
			setDefault(&s.StorageMode, "ThinProvisioned")
			setDefault(&s.FSType, "xfs")
		}),
		of(func(s *corev1.ScaleIOPersistentVolumeSource) {
			setDefault(&s.StorageMode, "ThinProvisioned")
			setDefault(&s.FSType, "xfs")
		}),
		of(func(s *corev1.AzureDiskVolumeSource) {
			setPointer(&s.CachingMode, corev1.AzureDataDiskCachingReadWrite)
			setPointer(&s.Kind, corev1.AzureSharedBlobDisk)
			setPointer(&s.FSType, "ext4")
			setPointer(&s.ReadOnly, false)
		}),
		of(func(c *corev1.PersistentVolumeClaim) { setDefault(&c.Status.Phase, corev1.ClaimPending) }),
		of(func(s *corev1.PersistentVolumeClaimSpec) {
			setPointer(&s.VolumeMode, corev1.PersistentVolumeFilesystem)
		}),
		of(func(v *corev1.PersistentVolume) {
			setDefault(&v.Status.Phase, corev1.VolumePending)
			setDefault(&v.Spec.PersistentVolumeReclaimPolicy, corev1.PersistentVolumeReclaimRetain)
			setPointer(&v.Spec.VolumeMode, corev1.PersistentVolumeFilesystem)
		}),
	}
}
