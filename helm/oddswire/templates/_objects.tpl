{{/* How many may be away by a drain of a node, say. Takes (list $ COMPONENT MAX). */}}
{{- define "oddswire.disruption" -}}
{{- $ := index . 0 -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "oddswire.name" (list $ (index . 1)) }}
  labels:
    {{- include "oddswire.labels" (list $ (index . 1)) | nindent 4 }}
spec:
  maxUnavailable: {{ index . 2 }}
  # A pod that is not ready serves nobody: it may always go.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "oddswire.selector" (list $ (index . 1)) | nindent 6 }}
{{- end -}}

{{/* By which Prometheus finds processes that serve nothing else. Takes (list $ COMPONENT). */}}
{{- define "oddswire.probedService" -}}
{{- $ := index . 0 -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "oddswire.name" . }}
  labels:
    {{- include "oddswire.labels" . | nindent 4 }}
    oddswire/scraped: "true"
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector:
    {{- include "oddswire.selector" . | nindent 4 }}
  ports:
    - {name: metrics, port: {{ $.Values.metrics.port }}, targetPort: metrics}
{{- end -}}

{{/* A process that works on the database and serves nobody.
Takes (dict "root" $ "component" NAME "args" ARGS "variables" TEXT "env" TEXT). */}}
{{- define "oddswire.worker" -}}
{{- $ := .root -}}
{{- $values := get $.Values .component -}}
{{ include "oddswire.configMap" (list $ .component .variables) }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "oddswire.name" (list $ .component) }}
  labels:
    {{- include "oddswire.labels" (list $ .component) | nindent 4 }}
spec:
  replicas: {{ $values.replicas }}
  revisionHistoryLimit: 3
  strategy:
    rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
  minReadySeconds: 5
  selector:
    matchLabels:
      {{- include "oddswire.selector" (list $ .component) | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "oddswire.labels" (list $ .component) | nindent 8 }}
      annotations:
        {{- include "oddswire.podAnnotations" (list $ .variables) | nindent 8 }}
    spec:
      {{- include "oddswire.pod" (dict "root" $ "component" .component "values" $values "grace" 30) | nindent 6 }}
      containers:
        - name: {{ .component }}
          {{- include "oddswire.container" $ | nindent 10 }}
          args: {{ toJson .args }}
          ports:
            - {name: metrics, containerPort: {{ $.Values.metrics.port }}}
          envFrom:
            - configMapRef:
                name: {{ include "oddswire.name" (list $ .component) }}
          {{- with .env | trim }}
          env:
            {{- . | nindent 12 }}
          {{- end }}
          {{- include "oddswire.probes" "metrics" | nindent 10 }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
            {{- with include "oddswire.databaseMount" $ | trim }}
            {{- . | nindent 12 }}
            {{- end }}
      volumes:
        {{- include "oddswire.tmp" $ | nindent 8 }}
        {{- with include "oddswire.databaseVolume" $ | trim }}
        {{- . | nindent 8 }}
        {{- end }}
{{- if gt (int $values.replicas) 1 }}
---
{{ include "oddswire.disruption" (list $ .component $values.maxUnavailable) }}
{{- end }}
---
{{ include "oddswire.probedService" (list $ .component) }}
{{- end -}}

{{/* How a fleet grows and shrinks: at once, and slowly. Takes seconds and the percent that may go at once. */}}
{{- define "oddswire.scaling" -}}
scaleUp:
  stabilizationWindowSeconds: 0
  policies:
    - {type: Percent, value: 50, periodSeconds: 30}
    - {type: Pods, value: 2, periodSeconds: 30}
  selectPolicy: Max
scaleDown:
  stabilizationWindowSeconds: {{ index . 0 }}
  policies:
    - {type: Pods, value: 1, periodSeconds: {{ index . 1 }}}
{{- end -}}
