"""The kinds this cluster serves: how they are addressed, which verbs and subresources they have."""

from __future__ import annotations

from dataclasses import dataclass, field

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Kind:
    """One served kind. `optional` names a custom resource that is absent (404) until its group is switched on."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    generation: bool = False
    custom: bool = False
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = field(default=VERBS)

    @property
    def api_version(self) -> str:
        """`v1` or `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def has_status(self) -> bool:
        """Whether status is written only through the status subresource."""
        return "status" in self.subresources


_ALL = ("all",)
_STATUS = ("status",)

NAMESPACES = Kind("", "v1", "Namespace", "namespaces", False, ("ns",), _STATUS)
NODES = Kind("", "v1", "Node", "nodes", False, ("no",), _STATUS)
PODS = Kind(
    "",
    "v1",
    "Pod",
    "pods",
    short=("po",),
    subresources=("status", "log", "exec", "portforward", "eviction"),
    categories=_ALL,
)
SECRETS = Kind("", "v1", "Secret", "secrets")
CONFIGMAPS = Kind("", "v1", "ConfigMap", "configmaps", short=("cm",))
SERVICES = Kind("", "v1", "Service", "services", short=("svc",), subresources=_STATUS, categories=_ALL)
ENDPOINTS = Kind("", "v1", "Endpoints", "endpoints", short=("ep",))
SERVICEACCOUNTS = Kind("", "v1", "ServiceAccount", "serviceaccounts", short=("sa",))
PVCS = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", short=("pvc",), subresources=_STATUS)
EVENTS = Kind("", "v1", "Event", "events", short=("ev",))
RESOURCEQUOTAS = Kind("", "v1", "ResourceQuota", "resourcequotas", short=("quota",), subresources=_STATUS)
LIMITRANGES = Kind("", "v1", "LimitRange", "limitranges", short=("limits",))
DEPLOYMENTS = Kind(
    "apps", "v1", "Deployment", "deployments", True, ("deploy",), ("status", "scale"), True, categories=_ALL
)
REPLICASETS = Kind("apps", "v1", "ReplicaSet", "replicasets", True, ("rs",), ("status", "scale"), True, categories=_ALL)
STATEFULSETS = Kind(
    "apps", "v1", "StatefulSet", "statefulsets", True, ("sts",), ("status", "scale"), True, categories=_ALL
)
REVISIONS = Kind("apps", "v1", "ControllerRevision", "controllerrevisions")
JOBS = Kind("batch", "v1", "Job", "jobs", True, (), _STATUS, True, categories=_ALL)
CRONJOBS = Kind("batch", "v1", "CronJob", "cronjobs", True, ("cj",), _STATUS, True, categories=_ALL)
LEASES = Kind("coordination.k8s.io", "v1", "Lease", "leases")
HPAS = Kind(
    "autoscaling",
    "v2",
    "HorizontalPodAutoscaler",
    "horizontalpodautoscalers",
    short=("hpa",),
    subresources=_STATUS,
    categories=_ALL,
)
ROLES = Kind("rbac.authorization.k8s.io", "v1", "Role", "roles")
ROLEBINDINGS = Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
CLUSTERROLES = Kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", False)
CLUSTERROLEBINDINGS = Kind("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", False)
PDBS = Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", True, ("pdb",), _STATUS, True)
INGRESSES = Kind("networking.k8s.io", "v1", "Ingress", "ingresses", True, ("ing",), _STATUS, True)
NETWORKPOLICIES = Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", True, ("netpol",), (), True)
SCALEDOBJECTS = Kind("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects", True, ("so",), _STATUS, True, True)
APPLICATIONS = Kind("argoproj.io", "v1alpha1", "Application", "applications", True, ("app", "apps"), (), True, True)
HELMRELEASES = Kind("helm.toolkit.fluxcd.io", "v2", "HelmRelease", "helmreleases", True, ("hr",), _STATUS, True, True)
KUSTOMIZATIONS = Kind(
    "kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations", True, ("ks",), _STATUS, True, True
)
EXTERNALSECRETS = Kind(
    "external-secrets.io", "v1", "ExternalSecret", "externalsecrets", True, ("es",), _STATUS, True, True
)

KINDS: tuple[Kind, ...] = (
    NAMESPACES, NODES, PODS, SECRETS, CONFIGMAPS, SERVICES, ENDPOINTS, SERVICEACCOUNTS, PVCS, EVENTS, RESOURCEQUOTAS,
    LIMITRANGES, DEPLOYMENTS, REPLICASETS, STATEFULSETS, REVISIONS, JOBS, CRONJOBS, LEASES, HPAS, ROLES, ROLEBINDINGS,
    CLUSTERROLES, CLUSTERROLEBINDINGS, PDBS, INGRESSES, NETWORKPOLICIES, SCALEDOBJECTS, APPLICATIONS, HELMRELEASES,
    KUSTOMIZATIONS, EXTERNALSECRETS,
)  # fmt: skip

# Review kinds are questions, not objects: POST only, nothing is stored.
REVIEWS = {
    ("authorization.k8s.io", "v1"): {
        "selfsubjectaccessreviews": "SelfSubjectAccessReview",
        "selfsubjectrulesreviews": "SelfSubjectRulesReview",
        "subjectaccessreviews": "SubjectAccessReview",
        "localsubjectaccessreviews": "LocalSubjectAccessReview",
    },
    ("authentication.k8s.io", "v1"): {
        "selfsubjectreviews": "SelfSubjectReview",
        "tokenreviews": "TokenReview",
    },
}


class Catalogue:
    """Which kinds are served just now: the built-in ones and the custom groups that are switched on."""

    def __init__(self, custom_groups: set[str]) -> None:
        self.custom_groups = set(custom_groups)

    def kinds(self) -> list[Kind]:
        """Every kind served now, in discovery order."""
        return [kind for kind in KINDS if not kind.custom or kind.group in self.custom_groups]

    def by_plural(self, group: str, version: str, plural: str) -> Kind | None:
        """The kind behind a URL, or None (which the real server answers with a bare 404)."""
        for kind in self.kinds():
            if (kind.group, kind.version, kind.plural) == (group, version, plural):
                return kind
        return None

    def by_kind(self, name: str, api_version: str | None = None) -> Kind:
        """The kind named `name` (or by its plural); `api_version` tells apart kinds of the same name.

        Raises KeyError for a kind that is not served.
        """
        for kind in self.kinds():
            if name in (kind.kind, kind.plural) and api_version in (None, kind.api_version):
                return kind
        raise KeyError(f"{api_version or ''} {name}".strip())
