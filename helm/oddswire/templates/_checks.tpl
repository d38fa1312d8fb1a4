{{/* What values.schema.json cannot say, as it is about several values at once. Included by every workload. */}}
{{- define "oddswire.checks" -}}
{{- $v := .Values -}}
{{- if and (not $v.nats.enabled) (not $v.external.natsUrl) (not $v.secrets.natsUrl) -}}
{{- fail "no log: give external.natsUrl, or secrets.natsUrl, or set nats.enabled" -}}
{{- end -}}
{{- if and $v.nats.enabled (or $v.external.natsUrl $v.secrets.natsUrl) -}}
{{- fail "two logs: nats.enabled brings one, and external.natsUrl or secrets.natsUrl names another" -}}
{{- end -}}
{{- if and $v.aerospike.enabled (hasPrefix "aerospike://" $v.external.coordination) -}}
{{- fail "two places to agree in: aerospike.enabled brings one, and external.coordination names another" -}}
{{- end -}}
{{- if and (not $v.external.databaseUrl) $v.external.databaseReaderUrl -}}
{{- fail "external.databaseReaderUrl without external.databaseUrl: a reader has a writer" -}}
{{- end -}}
{{- if hasSuffix "latest" $v.image.tag -}}
{{- fail "image.tag: latest is no version: name one, or a digest" -}}
{{- end -}}
{{- range $name, $scaled := dict "fanout" $v.fanout "gateway" $v.gateway -}}
{{- if gt (int $scaled.autoscaling.min) (int $scaled.autoscaling.max) -}}
{{- fail (printf "%s.autoscaling: min %d is more than max %d" $name (int $scaled.autoscaling.min) (int $scaled.autoscaling.max)) -}}
{{- end -}}
{{- if and (eq $scaled.autoscaling.kind "keda") (not $v.metrics.prometheusUrl) -}}
{{- fail (printf "%s.autoscaling.kind keda: metrics.prometheusUrl says which Prometheus it asks" $name) -}}
{{- end -}}
{{- end -}}
{{- $last := printf "%s-fanout-%d" (include "oddswire.fullname" .) (sub (int (include "oddswire.replicasMax" $v.fanout)) 1) -}}
{{- if gt (len $last) 32 -}}
{{- fail (printf "%s: a shard's name has 32 characters at most: set fullnameOverride to something short" $last) -}}
{{- end -}}
{{- $window := include "oddswire.given" (list $v.settings.fanout "drain_window_s" 5) -}}
{{- $deadline := include "oddswire.given" (list $v.settings.fanout "drain_deadline_s" 10) -}}
{{- if gt (float64 $window) (float64 $deadline) -}}
{{- fail (printf "settings.fanout: drain_window_s %v ends after drain_deadline_s %v: devices would be closed before they are told to move" $window $deadline) -}}
{{- end -}}
{{- if and $v.ingress.enabled $v.gatewayApi.enabled -}}
{{- fail "ingress.enabled and gatewayApi.enabled: choose one way in" -}}
{{- end -}}
{{- if and $v.gatewayApi.enabled (not $v.gatewayApi.className) (not $v.gatewayApi.parentRefs) -}}
{{- fail "gatewayApi: give className for a Gateway of our own, or parentRefs" -}}
{{- end -}}
{{- if or $v.ingress.enabled $v.gatewayApi.enabled -}}
{{- if and $v.fanout.enabled (not $v.settings.fanout.trusted_proxies) -}}
{{- fail "settings.fanout.trusted_proxies: name the networks of the proxies, or all devices are of one address to a shard, which takes 100 of an address" -}}
{{- end -}}
{{- if and $v.gateway.enabled (not $v.settings.gateway.trusted_proxies) -}}
{{- fail "settings.gateway.trusted_proxies: name the networks of the proxies, or nobody knows where bets come from" -}}
{{- end -}}
{{- end -}}
{{- if and (eq $v.external.coordination "memory:") (gt (add (len $v.feeds) (ternary (int (include "oddswire.replicasMax" $v.fanout)) 0 $v.fanout.enabled) (ternary (int (include "oddswire.replicasMax" $v.gateway)) 0 $v.gateway.enabled)) 1) -}}
{{- fail "external.coordination memory: is for one process alone: processes that cannot agree would all lead" -}}
{{- end -}}
{{- end -}}
