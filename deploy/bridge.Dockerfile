# The bridge, and with `simulate` the simulated plant.
FROM python:3.12-slim

COPY requirements/bridge.txt /tmp/bridge.txt
RUN pip install --no-cache-dir -r /tmp/bridge.txt && rm /tmp/bridge.txt
COPY iot_bridge /opt/gemba/iot_bridge
RUN useradd --no-create-home bridge && install -d -o bridge /data
ENV PYTHONPATH=/opt/gemba PYTHONUNBUFFERED=1
USER bridge
WORKDIR /data

ENTRYPOINT ["python", "-m", "iot_bridge"]
