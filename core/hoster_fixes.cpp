#include "core/hoster_fixes.hpp"

namespace tidewire::fixes {

std::vector<check_fix> aws_setting(bool cluster, std::string_view name, std::string_view value,
                                   bool restart) {
  std::string group = cluster ? "db-cluster-parameter-group" : "db-parameter-group";
  std::string setting(name), to(value);
  std::vector<check_fix> fixes{
      console("RDS, Parameter groups: set " + setting + " = " + to +
              (cluster ? " in the cluster's own DB cluster parameter group"
                       : " in the instance's own DB parameter group")),
      shell("aws rds modify-" + group + " --" + group +
            "-name GROUP --parameters \"ParameterName=" + setting + ",ParameterValue=" + to +
            ",ApplyMethod=" + (restart ? "pending-reboot" : "immediate") + "\"")};
  if (restart) fixes.push_back(shell("aws rds reboot-db-instance --db-instance-identifier INSTANCE"));
  return fixes;
}

std::vector<check_fix> azure_setting(std::string_view database, std::string_view name, std::string_view value,
                                     bool restart) {
  std::string setting(name), to(value), server = "az " + std::string(database) + " flexible-server ";
  std::vector<check_fix> fixes{
      console("the server's page, Server parameters: " + setting + " = " + to +
              (restart ? ", Save and Restart" : ", Save")),
      shell(server + "parameter set --resource-group GROUP --server-name SERVER --name " + setting +
            " --value " + to)};
  if (restart) fixes.push_back(shell(server + "restart --resource-group GROUP --name SERVER"));
  return fixes;
}

}  // namespace tidewire::fixes
