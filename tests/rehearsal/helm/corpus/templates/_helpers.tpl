{{- define "corpus.name" -}}
{{ .Chart.Name }}-{{ .Release.Name }}
{{- end -}}
{{- define "corpus.inner" }}[{{ . }}]{{ end -}}
{{- define "corpus.outer" }}({{ template "corpus.inner" .x }}{{ include "corpus.inner" .y | upper }}){{ end -}}
