{{/* Whether the user Job exists; the older place of the switch wins where it is set. */}}
{{- define "airflow.createsUser" -}}
{{- $old := .Values.webserver.defaultUser -}}
{{- if kindIs "map" $old -}}
{{- if get $old "enabled" | toString | ne "false" }}true{{ end -}}
{{- else if .Values.createUserJob.enabled -}}
true
{{- end -}}
{{- end -}}

{{/* A Job that helm runs after an install or upgrade. Arguments: values, weight. */}}
{{- define "airflow.hookAnnotations" -}}
{{- if .values.useHelmHooks }}
helm.sh/hook: post-install,post-upgrade
helm.sh/hook-weight: {{ .weight | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
{{- with .values.jobAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end -}}
