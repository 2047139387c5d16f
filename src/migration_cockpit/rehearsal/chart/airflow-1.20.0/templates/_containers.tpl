{{/* Variables that hold secrets, one switch each. Argument: root. */}}
{{- define "airflow.env.secrets" -}}
{{- $three := include "airflow.isThree" . -}}
{{- $on := .Values.enableBuiltInSecretEnvVars -}}
{{- $metadata := include "airflow.secret.metadata" . -}}
{{- $rows := list
  (list "AIRFLOW__CORE__FERNET_KEY" (include "airflow.secret.fernet" .) "fernet-key" true)
  (list "AIRFLOW__CORE__SQL_ALCHEMY_CONN" $metadata "connection" true)
  (list "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" $metadata "connection" true)
  (list "AIRFLOW_CONN_AIRFLOW_DB" $metadata "connection" true)
  (list "AIRFLOW__WEBSERVER__SECRET_KEY" (include "airflow.secret.webserver" .) "webserver-secret-key" (not $three))
  (list "AIRFLOW__API__SECRET_KEY" (include "airflow.secret.api" .) "api-secret-key" $three)
  (list "AIRFLOW__API_AUTH__JWT_SECRET" (include "airflow.secret.jwt" .) "jwt-secret" $three)
  (list "AIRFLOW__CELERY__RESULT_BACKEND" (include "airflow.secret.resultBackend" .) "connection" (and (include "airflow.usesCelery" .) (or .Values.data.resultBackendConnection .Values.data.resultBackendSecretName)))
  (list "AIRFLOW__CELERY__BROKER_URL" (include "airflow.secret.brokerUrl" .) "connection" (include "airflow.usesCelery" .))
-}}
{{- range $rows -}}
{{- if and (index . 3) (index $on (index . 0)) }}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ index . 1 }}
      key: {{ index . 2 }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The user's own variables. Argument: root. */}}
{{- define "airflow.env.custom" -}}
{{- range .Values.env }}
- name: {{ .name }}
  value: {{ tpl (.value | toString) $ | quote }}
{{- end }}
{{- range .Values.secret }}
- name: {{ .envName }}
  valueFrom:
    secretKeyRef:
      name: {{ .secretName }}
      key: {{ .secretKey | default "value" }}
{{- end }}
{{- with .Values.extraEnv }}
{{ tpl . $ | trim }}
{{- end }}
{{- end -}}

{{/*
The environment of a container. Arguments: root, values (of the component), custom (whether the user's own variables
belong into it).
*/}}
{{- define "airflow.env" -}}
env:
  {{- with .root.Values.airflowHome }}
  - name: AIRFLOW_HOME
    value: {{ . | quote }}
  {{- end }}
  {{- include "airflow.env.secrets" .root | nindent 2 }}
  {{- if .custom }}
  {{- with include "airflow.env.custom" .root | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- end }}
  {{- with .values.env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .more }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- if and .custom .root.Values.extraEnvFrom }}
envFrom:
  {{- tpl .root.Values.extraEnvFrom .root | trim | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Where airflow.cfg goes. Argument: root. */}}
{{- define "airflow.configMount" -}}
- name: config
  mountPath: {{ .Values.airflowHome | default "/opt/airflow" }}/airflow.cfg
  subPath: airflow.cfg
  readOnly: true
{{- end -}}

{{- define "airflow.configVolume" -}}
- name: config
  configMap:
    name: {{ include "airflow.fullname" . }}-config
{{- end -}}

{{/* The guard before every component: waits until the schema fits the code of the image. Arguments: root, values. */}}
{{- define "airflow.waitForMigrations" -}}
{{- if .values.waitForMigrations.enabled -}}
- name: wait-for-airflow-migrations
  image: {{ include "airflow.migrationImage" .root }}
  imagePullPolicy: {{ .root.Values.images.airflow.pullPolicy }}
  args:
    - bash
    - -c
    - airflow db check-migrations --migration-wait-timeout={{ .root.Values.images.migrationsWaitTimeout }}
  {{- include "airflow.env" (dict "root" .root "values" .values.waitForMigrations "custom" true) | nindent 2 }}
  volumeMounts:
    {{- include "airflow.configMount" .root | nindent 4 }}
{{- end -}}
{{- end -}}

{{/* DAGs: an empty directory that git-sync fills, or a volume. Arguments: root. */}}
{{- define "airflow.dagsVolume" -}}
{{- if .Values.dags.persistence.enabled -}}
- name: dags
  persistentVolumeClaim:
    claimName: {{ .Values.dags.persistence.existingClaim | default (printf "%s-dags" .Release.Name) }}
{{- else if .Values.dags.gitSync.enabled -}}
- name: dags
  emptyDir: {}
{{- end -}}
{{- end -}}

{{- define "airflow.dagsMount" -}}
{{- if or .Values.dags.persistence.enabled .Values.dags.gitSync.enabled -}}
- name: dags
  mountPath: {{ .Values.dags.mountPath | default (printf "%s/dags" (.Values.airflowHome | default "/opt/airflow")) }}
  readOnly: true
{{- end -}}
{{- end -}}

{{/* Arguments: root, init (once, before the others start). */}}
{{- define "airflow.gitSync" -}}
{{- $sync := .root.Values.dags.gitSync -}}
- name: git-sync{{ if .init }}-init{{ end }}
  image: {{ .root.Values.images.gitSync.repository }}:{{ .root.Values.images.gitSync.tag }}
  imagePullPolicy: {{ .root.Values.images.gitSync.pullPolicy }}
  env:
    - name: GITSYNC_REPO
      value: {{ $sync.repo | quote }}
    - name: GITSYNC_REF
      value: {{ $sync.ref | quote }}
    - name: GITSYNC_DEPTH
      value: {{ $sync.depth | quote }}
    - name: GITSYNC_ROOT
      value: /git
    - name: GITSYNC_LINK
      value: repo
    - name: GITSYNC_PERIOD
      value: {{ $sync.period | quote }}
    - name: GITSYNC_MAX_FAILURES
      value: {{ $sync.maxFailures | quote }}
    {{- if .init }}
    - name: GITSYNC_ONE_TIME
      value: "true"
    {{- end }}
    {{- with $sync.credentialsSecret }}
    - name: GITSYNC_USERNAME
      valueFrom:
        secretKeyRef:
          name: {{ . }}
          key: GITSYNC_USERNAME
    - name: GITSYNC_PASSWORD
      valueFrom:
        secretKeyRef:
          name: {{ . }}
          key: GITSYNC_PASSWORD
    {{- end }}
  volumeMounts:
    - name: dags
      mountPath: /git
{{- end -}}

{{/* The sidecar that removes old logs. Arguments: root, name, values. */}}
{{- define "airflow.logGroomer" -}}
- name: {{ .name }}-log-groomer
  image: {{ include "airflow.image" .root }}
  imagePullPolicy: {{ .root.Values.images.airflow.pullPolicy }}
  {{- with .values.logGroomerSidecar.command }}
  command:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  args:
    {{- toYaml .values.logGroomerSidecar.args | nindent 4 }}
  env:
    - name: AIRFLOW__LOG_RETENTION_DAYS
      value: {{ .values.logGroomerSidecar.retentionDays | quote }}
    - name: AIRFLOW_HOME
      value: {{ .root.Values.airflowHome | default "/opt/airflow" | quote }}
  volumeMounts:
    - name: logs
      mountPath: {{ .root.Values.airflowHome | default "/opt/airflow" }}/logs
{{- end -}}

{{/* A probe that runs a command. Arguments: values of the probe, command. */}}
{{- define "airflow.execProbe" -}}
initialDelaySeconds: {{ .probe.initialDelaySeconds | int }}
timeoutSeconds: {{ .probe.timeoutSeconds | int }}
failureThreshold: {{ .probe.failureThreshold | int }}
periodSeconds: {{ .probe.periodSeconds | int }}
exec:
  command:
    {{- toYaml (.probe.command | default (list "sh" "-c" .command)) | nindent 4 }}
{{- end -}}

{{/* A probe that asks over HTTP. Arguments: values of the probe, path, port. */}}
{{- define "airflow.httpProbe" -}}
initialDelaySeconds: {{ .probe.initialDelaySeconds | int }}
timeoutSeconds: {{ .probe.timeoutSeconds | int }}
failureThreshold: {{ .probe.failureThreshold | int }}
periodSeconds: {{ .probe.periodSeconds | int }}
httpGet:
  path: {{ .path }}
  port: {{ .port }}
  scheme: {{ .probe.scheme | default "HTTP" }}
{{- end -}}

{{/*
The probes of a component whose job can be asked for. Arguments: root, values, job.
The command asks only about the process of this container: --local.
*/}}
{{- define "airflow.jobProbes" -}}
{{- $command := printf "CONNECTION_CHECK_MAX_COUNT=0 AIRFLOW__LOGGING__LOGGING_LEVEL=ERROR exec \\\nairflow jobs check --job-type %s --local" .job -}}
{{- range $kind := list "livenessProbe" "startupProbe" }}
{{- $probe := index $.values $kind }}
{{- if dig $kind "enabled" false $.values }}
{{ $kind }}:
  {{- include "airflow.execProbe" (dict "probe" $probe "command" $command) | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Arguments: values, path, port. */}}
{{- define "airflow.httpProbes" -}}
{{- range $kind := list "livenessProbe" "readinessProbe" "startupProbe" }}
{{- $probe := index $.values $kind }}
{{- if dig $kind "enabled" false $.values }}
{{ $kind }}:
  {{- include "airflow.httpProbe" (dict "probe" $probe "path" $.path "port" $.port) | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}
