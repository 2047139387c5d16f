{{/* Checksums that make pods roll when what they read at start has changed. Arguments: root, component. */}}
{{- define "airflow.checksums" -}}
{{- $root := .root -}}
{{- $files := dict
  "metadata-secret" "secrets/metadata-connection-secret.yaml"
  "pgbouncer-config-secret" "secrets/pgbouncer-config-secret.yaml"
  "airflow-config" "configmaps/configmap.yaml"
  "extra-configmaps" "configmaps/extra-configmaps.yaml"
  "extra-secrets" "secrets/extra-secrets.yaml"
-}}
{{- if has .component (list "scheduler" "worker") -}}
{{- $_ := set $files "result-backend-secret" "secrets/result-backend-connection-secret.yaml" -}}
{{- end -}}
{{- if has .component (list "webserver" "worker") -}}
{{- $_ := set $files "webserver-secret-key" "secrets/webserver-secret-key-secret.yaml" -}}
{{- end -}}
{{- if has .component (list "scheduler" "api-server") -}}
{{- $_ := set $files "jwt-secret" "secrets/jwt-secret.yaml" -}}
{{- end -}}
{{- range $name, $file := $files }}
checksum/{{ $name }}: {{ include (print $root.Template.BasePath "/" $file) $root | sha256sum }}
{{- end }}
{{- end -}}

{{/*
The pod of a long-running component. Arguments:
  root, component (its label), values; probes and ports as text; account (suffix of the ServiceAccount's name);
  dags ("true": it reads DAGs), logs ("claim": from a volumeClaimTemplate), mounts (more volumeMounts as text)
*/}}
{{- define "airflow.podTemplate" -}}
{{- $root := .root -}}
{{- $values := .values -}}
metadata:
  labels:
    {{- include "airflow.selector" . | nindent 4 }}
    {{- with merge (dict) ($values.labels | default dict) $root.Values.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    {{- include "airflow.checksums" . | trim | nindent 4 }}
    cluster-autoscaler.kubernetes.io/safe-to-evict: "true"
    {{- with $root.Values.airflowPodAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "airflow.serviceAccountName" (dict "root" $root "values" $values "suffix" .account) }}
  restartPolicy: Always
  terminationGracePeriodSeconds: {{ .grace | default $values.terminationGracePeriodSeconds | int }}
  securityContext:
    {{- if $root.Values.securityContexts.pod }}
    {{- toYaml $root.Values.securityContexts.pod | nindent 4 }}
    {{- else }}
    runAsUser: {{ $root.Values.uid | int }}
    fsGroup: {{ $root.Values.gid | int }}
    {{- end }}
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.nodeSelector | default $root.Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  affinity:
    {{- if or $values.affinity $root.Values.affinity }}
    {{- toYaml ($values.affinity | default $root.Values.affinity) | nindent 4 }}
    {{- else }}
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector:
              matchLabels:
                component: {{ .component }}
    {{- end }}
  {{- with $values.tolerations | default $root.Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- $wait := include "airflow.waitForMigrations" . }}
  {{- $sync := and .dags $root.Values.dags.gitSync.enabled (not $root.Values.dags.persistence.enabled) }}
  {{- if or $wait $sync $values.extraInitContainers }}
  initContainers:
    {{- with $wait }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- if $sync }}
    {{- include "airflow.gitSync" (dict "root" $root "init" true) | nindent 4 }}
    {{- end }}
    {{- with $values.extraInitContainers }}
    {{- tpl (toYaml .) $root | nindent 4 }}
    {{- end }}
  {{- end }}
  containers:
    - name: {{ .component }}
      image: {{ include "airflow.image" $root }}
      imagePullPolicy: {{ $root.Values.images.airflow.pullPolicy }}
      {{- with $root.Values.securityContexts.containers }}
      securityContext:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.command }}
      command:
        {{- tpl (toYaml .) $root | nindent 8 }}
      {{- end }}
      {{- with $values.args }}
      args:
        {{- tpl (toYaml .) $root | nindent 8 }}
      {{- end }}
      {{- with .ports }}
      ports:
        {{- . | trim | nindent 8 }}
      {{- end }}
      {{- with .probes | default "" | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- with $values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- include "airflow.env" (dict "root" $root "values" $values "custom" true "more" .more) | nindent 6 }}
      volumeMounts:
        {{- include "airflow.configMount" $root | nindent 8 }}
        - name: logs
          mountPath: {{ $root.Values.airflowHome | default "/opt/airflow" }}/logs
        {{- if .dags }}
        {{- with include "airflow.dagsMount" $root }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- end }}
        {{- with .mounts }}
        {{- . | trim | nindent 8 }}
        {{- end }}
        {{- with concat $root.Values.volumeMounts $values.extraVolumeMounts }}
        {{- tpl (toYaml .) $root | nindent 8 }}
        {{- end }}
    {{- if $sync }}
    {{- include "airflow.gitSync" (dict "root" $root "init" false) | nindent 4 }}
    {{- end }}
    {{- if dig "logGroomerSidecar" "enabled" false $values }}
    {{- include "airflow.logGroomer" (dict "root" $root "values" $values "name" .component) | nindent 4 }}
    {{- end }}
    {{- with $values.extraContainers }}
    {{- tpl (toYaml .) $root | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "airflow.configVolume" $root | nindent 4 }}
    {{- if .dags }}
    {{- with include "airflow.dagsVolume" $root }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- end }}
    {{- if $root.Values.logs.persistence.enabled }}
    - name: logs
      persistentVolumeClaim:
        claimName: {{ $root.Values.logs.persistence.existingClaim | default (printf "%s-logs" $root.Release.Name) }}
    {{- else if ne (.logs | default "") "claim" }}
    - name: logs
      emptyDir: {}
    {{- end }}
    {{- with .volumes }}
    {{- . | trim | nindent 4 }}
    {{- end }}
    {{- with concat $root.Values.volumes $values.extraVolumes }}
    {{- tpl (toYaml .) $root | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* The claim for logs of a StatefulSet. Argument: root, values of the persistence. */}}
{{- define "airflow.logsClaim" -}}
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata:
    name: logs
    {{- with .persistence.annotations }}
    annotations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
  spec:
    accessModes: ["ReadWriteOnce"]
    {{- with .persistence.storageClassName }}
    storageClassName: {{ . }}
    {{- end }}
    resources:
      requests:
        storage: {{ .persistence.size }}
{{- end -}}

{{/* The pod of a Job. Arguments: root, component, values, account, custom, container. */}}
{{- define "airflow.jobPod" -}}
{{- $root := .root -}}
{{- $values := .values -}}
metadata:
  labels:
    {{- include "airflow.selector" . | nindent 4 }}
    {{- with merge (dict) ($values.labels | default dict) $root.Values.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with merge (dict) ($values.annotations | default dict) $root.Values.airflowPodAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "airflow.serviceAccountName" (dict "root" $root "values" $values "suffix" .account) }}
  restartPolicy: {{ $values.restartPolicy | default "Never" }}
  securityContext:
    {{- if $root.Values.securityContexts.pod }}
    {{- toYaml $root.Values.securityContexts.pod | nindent 4 }}
    {{- else }}
    runAsUser: {{ $root.Values.uid | int }}
    fsGroup: {{ $root.Values.gid | int }}
    {{- end }}
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.nodeSelector | default $root.Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations | default $root.Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.extraInitContainers }}
  initContainers:
    {{- tpl (toYaml .) $root | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .container | default .component }}
      image: {{ .image | default (include "airflow.image" $root) }}
      imagePullPolicy: {{ $root.Values.images.airflow.pullPolicy }}
      {{- with $values.command }}
      command:
        {{- tpl (toYaml .) $root | nindent 8 }}
      {{- end }}
      args:
        {{- tpl (toYaml (concat $values.args (.args | default list))) $root | nindent 8 }}
      {{- with $values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- include "airflow.env" (dict "root" $root "values" (dict "env" $values.env) "custom" .custom "more" (list (dict "name" "PYTHONUNBUFFERED" "value" "1"))) | nindent 6 }}
      volumeMounts:
        {{- include "airflow.configMount" $root | nindent 8 }}
        {{- with concat $root.Values.volumeMounts ($values.extraVolumeMounts | default list) }}
        {{- tpl (toYaml .) $root | nindent 8 }}
        {{- end }}
    {{- with $values.extraContainers }}
    {{- tpl (toYaml .) $root | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "airflow.configVolume" $root | nindent 4 }}
    {{- with concat $root.Values.volumes ($values.extraVolumes | default list) }}
    {{- tpl (toYaml .) $root | nindent 4 }}
    {{- end }}
{{- end -}}
