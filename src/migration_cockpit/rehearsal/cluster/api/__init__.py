"""The HTTP side of the embedded cluster: a kube-apiserver as far as clients can tell."""
