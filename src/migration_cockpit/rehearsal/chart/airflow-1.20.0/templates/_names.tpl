{{/* Everything is called after the release, unless the names of current Helm practice are asked for. */}}
{{- define "airflow.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if .Values.useStandardNaming -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* "true" from Airflow 3 on, else empty. */}}
{{- define "airflow.isThree" -}}
{{- if semverCompare ">=3.0.0-0" .Values.airflowVersion }}true{{ end -}}
{{- end -}}

{{/* "true" or "false"; nothing given means: from Airflow 3 on. */}}
{{- define "airflow.hasDagProcessor" -}}
{{- if kindIs "invalid" .Values.dagProcessor.enabled -}}
{{- include "airflow.isThree" . | default "false" -}}
{{- else -}}
{{- .Values.dagProcessor.enabled -}}
{{- end -}}
{{- end -}}

{{- define "airflow.usesCelery" -}}
{{- if contains "Celery" .Values.executor }}true{{ end -}}
{{- end -}}

{{- define "airflow.usesKubernetes" -}}
{{- if contains "Kubernetes" .Values.executor }}true{{ end -}}
{{- end -}}

{{/* A key of workers.celery wins over the same key of workers. Arguments: root, key path below both. */}}
{{- define "airflow.workersPersist" -}}
{{- if kindIs "invalid" .Values.workers.celery.persistence.enabled -}}
{{- if .Values.workers.persistence.enabled }}true{{ end -}}
{{- else if .Values.workers.celery.persistence.enabled -}}
true
{{- end -}}
{{- end -}}

{{/* A local executor keeps its logs on the scheduler's own volume, and that makes it a StatefulSet. */}}
{{- define "airflow.schedulerIsStateful" -}}
{{- if and (contains "Local" .Values.executor) (include "airflow.workersPersist" .) }}true{{ end -}}
{{- end -}}

{{- define "airflow.image" -}}
{{- $image := .Values.images.airflow -}}
{{- $repository := $image.repository | default .Values.defaultAirflowRepository -}}
{{- $tag := $image.tag | default .Values.defaultAirflowTag -}}
{{- $digest := $image.digest | default .Values.defaultAirflowDigest -}}
{{- if $digest -}}{{ $repository }}@{{ $digest }}{{- else -}}{{ $repository }}:{{ $tag }}{{- end -}}
{{- end -}}

{{- define "airflow.migrationImage" -}}
{{- if .Values.images.useDefaultImageForMigration -}}
{{ .Values.defaultAirflowRepository }}:{{ .Values.defaultAirflowTag }}
{{- else -}}
{{- include "airflow.image" . -}}
{{- end -}}
{{- end -}}

{{- define "airflow.dagsFolder" -}}
{{- $base := .Values.dags.mountPath | default (printf "%s/dags" (.Values.airflowHome | default "/opt/airflow")) -}}
{{- if .Values.dags.gitSync.enabled -}}
{{ $base }}/repo/{{ .Values.dags.gitSync.subPath }}
{{- else -}}
{{ $base }}
{{- end -}}
{{- end -}}

{{/* Secrets: one's own name, or the one that the chart makes. */}}
{{- define "airflow.secret.metadata" -}}
{{- .Values.data.metadataSecretName | default (printf "%s-metadata" (include "airflow.fullname" .)) -}}
{{- end -}}
{{- define "airflow.secret.resultBackend" -}}
{{- .Values.data.resultBackendSecretName | default (printf "%s-result-backend" (include "airflow.fullname" .)) -}}
{{- end -}}
{{- define "airflow.secret.brokerUrl" -}}
{{- .Values.data.brokerUrlSecretName | default (printf "%s-broker-url" (include "airflow.fullname" .)) -}}
{{- end -}}
{{- define "airflow.secret.redisPassword" -}}
{{- .Values.redis.passwordSecretName | default (printf "%s-redis-password" (include "airflow.fullname" .)) -}}
{{- end -}}
{{- define "airflow.secret.fernet" -}}
{{- .Values.fernetKeySecretName | default (printf "%s-fernet-key" (include "airflow.fullname" .)) -}}
{{- end -}}
{{- define "airflow.secret.webserver" -}}
{{- .Values.webserverSecretKeySecretName | default (printf "%s-webserver-secret-key" (include "airflow.fullname" .)) -}}
{{- end -}}
{{- define "airflow.secret.api" -}}
{{- .Values.apiSecretKeySecretName | default (printf "%s-api-secret-key" (include "airflow.fullname" .)) -}}
{{- end -}}
{{- define "airflow.secret.jwt" -}}
{{- .Values.jwtSecretName | default (printf "%s-jwt-secret" (include "airflow.fullname" .)) -}}
{{- end -}}
{{- define "airflow.secret.pgbouncer" -}}
{{- .Values.pgbouncer.configSecretName | default (printf "%s-pgbouncer-config" (include "airflow.fullname" .)) -}}
{{- end -}}

{{/* Name of a ServiceAccount. Arguments: root, component, its values, suffix of the default name. */}}
{{- define "airflow.serviceAccountName" -}}
{{- $account := .values.serviceAccount -}}
{{- if $account.create -}}
{{- $account.name | default (printf "%s-%s" (include "airflow.fullname" .root) .suffix) -}}
{{- else -}}
{{- $account.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/* What selects pods. Arguments: root, component. */}}
{{- define "airflow.selector" -}}
tier: airflow
component: {{ .component }}
release: {{ .root.Release.Name }}
{{- end -}}

{{/* Labels of objects. Arguments: root, component, values (optional: their labels are added). */}}
{{- define "airflow.labels" -}}
{{ include "airflow.selector" . }}
chart: "{{ .root.Chart.Name }}-{{ .root.Chart.Version }}"
heritage: {{ .root.Release.Service }}
{{- $extra := merge (dict) ((.values | default dict).labels | default dict) .root.Values.labels }}
{{- with $extra }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* A ServiceAccount, whole. Arguments: root, component, values, suffix. */}}
{{- define "airflow.serviceAccount" -}}
{{- if .values.serviceAccount.create -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "airflow.serviceAccountName" . }}
  labels:
    {{- include "airflow.labels" (omit . "values") | nindent 4 }}
  {{- with .values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}
