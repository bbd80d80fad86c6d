# Starts HAProxy with the weights that the last shift of traffic left, so that a restart moves none.
BLUE_WEIGHT=100 GREEN_WEIGHT=0
if [ -r /run/edge/weights ]; then
  read -r BLUE_WEIGHT GREEN_WEIGHT </run/edge/weights
fi
export BLUE_WEIGHT GREEN_WEIGHT
exec haproxy -W -db -f /etc/haproxy/haproxy.cfg
