"""Short names of modules and lookups that were part of Ansible before collections, and that playbooks still use.

ansible-core sends such a name to the collection that has it now; where that is not installed, it is unknown.
"""

from __future__ import annotations

_NAMES = {
    "ansible.posix": """
        acl at authorized_key firewalld mount patch seboolean selinux synchronize sysctl
    """,
    "community.crypto": """
        acme_account acme_certificate certificate_complete_chain get_certificate luks_device openssh_cert
        openssh_keypair openssl_csr openssl_dhparam openssl_pkcs12 openssl_privatekey openssl_publickey
    """,
    "community.docker": """
        docker_config docker_container docker_container_info docker_host_info docker_image docker_image_info
        docker_login docker_network docker_network_info docker_node docker_prune docker_secret docker_stack
        docker_swarm docker_swarm_service docker_volume docker_volume_info
    """,
    "community.general": """
        aix_filesystem alternatives apache2_mod_proxy apache2_module apk archive bower bundler bzr
        capabilities composer consul cpanm crypttab dconf django_manage easy_install etcd3 facter filesystem
        flatpak flatpak_remote gconftool2 gem git_config github_deploy_key github_release gitlab_project
        gitlab_user gitlab_runner gunicorn hg homebrew htpasswd influxdb_database ini_file installp
        interfaces_file ipa_user irc iso_extract java_cert java_keystore jenkins_job jenkins_plugin jira
        kernel_blacklist kibana_plugin layman ldap_attrs ldap_entry ldap_passwd locale_gen lvg lvol
        lxc_container lxd_container lxd_profile macports mail make mattermost memset_zone modprobe monit
        nagios netcup_dns newrelic_deployment nmcli npm nsupdate ohai open_iscsi opkg osx_defaults pacman
        pagerduty pam_limits pamd parted pear pids pkgng portage portinstall puppet read_csv
        redhat_subscription redis rocketchat runit say sefcontext selinux_permissive sendgrid sensu_check
        slack slackpkg snap solaris_zone sorcery statusio_maintenance supervisorctl svc svr4pkg swdepot
        syspatch telegram terraform timezone twilio ufw urpmi xattr xfs_quota xml yarn zfs zfs_facts znode
        zypper zypper_repository
    """,
    "community.grafana": """
        grafana_dashboard grafana_datasource grafana_plugin
    """,
    "community.libvirt": """
        virt virt_net virt_pool
    """,
    "community.mongodb": """
        mongodb_parameter mongodb_replicaset mongodb_user
    """,
    "community.mysql": """
        mysql_db mysql_info mysql_query mysql_replication mysql_user mysql_variables
    """,
    "community.postgresql": """
        postgresql_copy postgresql_db postgresql_ext postgresql_info postgresql_membership postgresql_owner
        postgresql_pg_hba postgresql_ping postgresql_privs postgresql_query postgresql_schema postgresql_set
        postgresql_slot postgresql_table postgresql_tablespace postgresql_user
    """,
    "community.rabbitmq": """
        rabbitmq_exchange rabbitmq_parameter rabbitmq_plugin rabbitmq_policy rabbitmq_queue rabbitmq_user
        rabbitmq_vhost
    """,
    "community.zabbix": """
        zabbix_group zabbix_host zabbix_template
    """,
    "containers.podman": """
        podman_container_info podman_image podman_image_info podman_volume_info
    """,
    "kubernetes.core": """
        helm k8s k8s_info k8s_scale k8s_service
    """,
}

MOVED = {name: collection for collection, names in _NAMES.items() for name in names.split()}

_LOOKUP_NAMES = {
    "amazon.aws": "aws_account_attribute aws_secret aws_service_ip_ranges aws_ssm",
    "community.general": """
        cartesian chef_databag consul_kv credstash cyberarkpassword dig dnstxt etcd filetree flattened hiera keyring
        lastpass lmdb_kv manifold nios nios_next_ip nios_next_network onepassword onepassword_raw passwordstore redis
        shelvefile
    """,
    "community.grafana": "grafana_dashboard",
    "community.hashi_vault": "hashi_vault",
    "community.mongodb": "mongodb",
    "community.rabbitmq": "rabbitmq",
    "community.windows": "laps_password",
    "kubernetes.core": "k8s",
}

MOVED_LOOKUPS = {name: f"{where}.{name}" for where, names in _LOOKUP_NAMES.items() for name in names.split()}
