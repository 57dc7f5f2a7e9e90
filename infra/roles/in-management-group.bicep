// Tether's custom roles, defined in a management group for all subscriptions below it.
targetScope = 'managementGroup'

@description('The deployment\'s owner, as in its policy: role names are unique in a tenant')
param owner string

@description('Which roles of roles/rights.json')
param wanted array

var rights = loadJsonContent('rights.json')

resource definitions 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [for key in wanted: {
  // on-management-group.bicep names the definitions in the same way.
  name: guid(managementGroup().id, owner, key)
  properties: {
    roleName: '${rights[key].name} (${owner}, ${managementGroup().name})'
    description: rights[key].description
    type: 'CustomRole'
    permissions: [
      {
        actions: rights[key].actions
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
    // One management group at most, and no data actions (Learn, "Azure custom roles", limits).
    assignableScopes: [
      managementGroup().id
    ]
  }
}]
