# Odoo 19 Community with the MES addons. The first start makes the database and the demo plant (odoo-start.sh).
FROM odoo:19.0

USER root
RUN install -d -o odoo /gateway
COPY --chown=odoo addons /mnt/extra-addons
COPY --chown=odoo odoo.conf /etc/odoo/odoo.conf
COPY --chmod=755 deploy/odoo-start.sh /usr/local/bin/odoo-start
USER odoo

ENTRYPOINT ["/usr/local/bin/odoo-start"]
